"""Character references, as the tokenizer of a browser decodes them in an attribute (HTML 13.2.5.72)."""

import html
import re
from typing import Final

from fastness.html.errors import ExpressionPlaceError

CUT_REFERENCE: Final = re.compile(r"&(?:#(?:[xX][0-9A-Fa-f]*|[0-9]*)|[A-Za-z0-9]*)\Z")
"""Half a reference, at the end of a piece of text."""
_REFERENCE: Final = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9A-Fa-f]+;?|[A-Za-z][A-Za-z0-9]*;)")


def static_text(text: str) -> str:
    """The text of an attribute with its character references decoded as the tokenizer decodes them.

    A named reference without its semicolon stands for none of the characters that decide a place (: / ? # and letters).
    """
    return _REFERENCE.sub(_decoded, text) if "&" in text else text


def refuse_half_reference(text: str) -> None:
    """An expression after `&` or `&am` could turn static text into another character."""
    if "&" in text[-40:] and CUT_REFERENCE.search(text):
        raise ExpressionPlaceError(
            "an expression straight after the start of a character reference. Write &amp; for the character."
        )


def _decoded(found: re.Match[str]) -> str:
    reference = found.group()
    decoded = html.unescape(reference)
    if decoded or reference[1] != "#":
        return decoded
    digits = reference[2:].rstrip(";")
    # Python drops references to controls; a browser keeps them.
    return chr(int(digits[1:], 16) if digits[0] in "xX" else int(digits))
