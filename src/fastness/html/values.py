"""Values that are more than text: each is trusted at one kind of place, and made in a way that a review can find.

`SafeHTML` is HTML that a browser may read as it is; it comes from the sanitiser, or from `SafeHTML.insecure_from` with the
reason why this string cannot hold anybody else's markup. It is trusted in HTML text only. Its string methods return plain
text, which is escaped again: a slice or a replacement can cut a tag open.

`TrustedURL` is an address from which code, frames and styles may come: a path of this site, or an https address with a reason.

`Attrs` is a set of attributes for a tag; each name is looked up in the same table as the author's own attributes.

The attacker writes the strings that go through a page, not the ones these constructors are called with.
ASVS 5.0: V1.2.1, V1.3.1.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Self

from fastness.html.errors import UntypedAttributesError, UntypedURLError
from fastness.kernel.because import Because

_OWN_PATH: Final = re.compile(r"/(?![/\\])[A-Za-z0-9._~/%!$&()*+,;=:@\-]*(?:\?[A-Za-z0-9._~/%!$&()*+,;=:@?\-]*)?")
_DOT_SEGMENT: Final = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|\?|\Z)", re.IGNORECASE)
_HTTPS: Final = re.compile(r"https://[A-Za-z0-9.\-]+(?::[0-9]{1,5})?(?:/[^\s\"'<>\\\x00-\x1f]*)?")
ATTRIBUTE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:\-]*")


class SafeHTML(str):
    """HTML that is trusted as it is, in HTML text."""

    __slots__ = ("because",)
    because: Because | None

    def __new__(cls, *_args: object) -> Self:
        raise TypeError("SafeHTML comes from sanitise(…), or from SafeHTML.insecure_from(text, because=Because(…)).")

    @classmethod
    def insecure_from(cls, text: str, *, because: Because) -> "SafeHTML":
        """`text` as it is; `because` says why nobody else's markup can be in it."""
        made = str.__new__(cls, text)
        made.because = because
        return made

    def __html__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return str.__str__(self)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # A copy that comes out of a store or a queue is text: whoever can write there must not write HTML.
        return str, (str.__str__(self),)


class TrustedURL(str):
    """An address that code may be loaded from: `TrustedURL("/static/app.js")` is a path of this site."""

    __slots__ = ()

    def __new__(cls, path: str) -> Self:
        if not _OWN_PATH.fullmatch(path) or _DOT_SEGMENT.search(path):
            raise UntypedURLError(
                "TrustedURL takes a path of this site that begins with one slash and has no dot segments. For another host use "
                "TrustedURL.insecure_from(url, because=Because(…))."
            )
        return str.__new__(cls, path)

    @classmethod
    def insecure_from(cls, url: str, *, because: Because) -> Self:
        """An https address of another host; `because` says why its code may run in this page."""
        if not because.text or not _HTTPS.fullmatch(url):
            raise UntypedURLError("TrustedURL.insecure_from takes an https:// URL and a reason: because=Because(…).")
        return str.__new__(cls, url)


class Attrs(Mapping[str, object]):
    """Attributes for a tag: `{{ attrs }}` between the tag's name and its `>`.

    True writes the bare name, False and None leave the attribute out, anything else is the value. An underscore at the end is
    dropped (`class_`), others become hyphens in keyword arguments (`aria_label`).
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object] | None = None, /, **others: object) -> None:
        collected = dict(values or {})
        collected.update({name.rstrip("_").replace("_", "-"): value for name, value in others.items()})
        for name in collected:
            if not ATTRIBUTE_NAME.fullmatch(name):
                raise UntypedAttributesError(f"{name!r} is not the name of an attribute.")
        lowered = [name.lower() for name in collected]
        if len(set(lowered)) != len(lowered):
            raise UntypedAttributesError("an attribute is there twice.")
        self._values = {name.lower(): value for name, value in collected.items()}

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __str__(self) -> str:
        raise UntypedAttributesError("an Attrs stands inside a tag: <input {{ attrs }}>.")
