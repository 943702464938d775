"""What the framework adds to one rendering: the nonce and the form's token.

They come with the values of the outermost `render` call, under the names `nonce` and `csrf_field`. A macro that was imported
without context sees none of those values, and neither does the text that the tracker inserts there, so that they are kept in a
context variable for as long as the rendering runs. Each step of a streamed rendering sets and resets it: between two steps
another rendering may run in the same thread.

A nonce that does not look like one is not written: whoever could choose it would run scripts. ASVS 5.0: V3.4.3, V3.5.1.
"""

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Final

from fastness.html.errors import ValueRefusedError

_NONCE: Final = re.compile(r"[A-Za-z0-9+/_\-]{16,}={0,2}")


class Page:
    """The additions of one rendering."""

    __slots__ = ("_attribute", "_field", "_nonce", "local", "placed", "values")

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = values
        """Of the outermost rendering; whoever reports a blocked value finds the request here."""
        self._nonce = values.get("nonce")
        self._field = values.get("csrf_field")
        self._attribute: str | None = None
        self.local: dict[str, bool] = {}
        self.placed: set[str] = set()

    def nonce_attribute(self) -> str:
        """` nonce="…"`, or nothing where the rendering has none."""
        written = self._attribute
        if written is None:
            written = self._attribute = self._make_attribute()
        return written

    def _make_attribute(self) -> str:
        nonce = self._nonce() if callable(self._nonce) else self._nonce
        if not nonce:
            return ""
        if not (isinstance(nonce, str) and _NONCE.fullmatch(nonce)):
            raise ValueRefusedError("the value named nonce is not a nonce; a page's own values cannot use this name.")
        return f' nonce="{nonce}"'

    def token_field(self) -> str:
        """The hidden field, or nothing where the rendering has none."""
        return str(self._field()) if callable(self._field) else ""


NO_PAGE: Final = Page({})
CURRENT: Final[ContextVar[Page]] = ContextVar("fastness_page", default=NO_PAGE)


# What compiled templates call; the first argument is the constant that stands for the insertion in the tree.


def nonce(_text: str) -> str:
    """The nonce of a script or style."""
    return CURRENT.get().nonce_attribute()


def token(_text: str) -> str:
    """The token of a form whose action is known to be local, or that an author asks for."""
    return CURRENT.get().token_field()


def token_if_local(_text: str, form: str) -> str:
    """The token of a form whose action came at run time."""
    page = CURRENT.get()
    if page.local.pop(form, False):
        page.placed.add(form)
        return page.token_field()
    page.placed.discard(form)
    return ""


def token_unless_placed(_text: str, form: str) -> str:
    """The token that an author wrote into such a form by hand."""
    page = CURRENT.get()
    return "" if form in page.placed else page.token_field()


def note_action(url: str, form: str, is_local: Callable[[str], bool]) -> str:
    """The escaped action of a form, remembered for the end of its tag."""
    CURRENT.get().local[form] = is_local(url)
    return url
