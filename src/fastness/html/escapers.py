"""The functions that compiled templates call: one for each kind of place.

Text goes through MarkupSafe's C loop. A URL or CSS value that is not allowed becomes a harmless constant, and `on_blocked` is
told the template and the line (never the value): a visitor who tries `javascript:` is worth an event, not an error page. A
value whose type is wrong raises, because that is the developer's mistake.

`None` is empty in text, attributes and URLs, and null in a script. An undefined name raises.
ASVS 5.0: V1.2.1, V1.2.2, V1.2.3, V16.3.3.
"""

from collections.abc import Callable
from typing import Final

from markupsafe import Markup

from fastness.html import encoders, tables
from fastness.html.contexts import Context
from fastness.html.errors import UntypedAttributesError, UntypedURLError
from fastness.html.speedups import escape_inner
from fastness.html.values import ATTRIBUTE_NAME, Attrs, SafeHTML, TrustedURL
from fastness.kernel.values import dataclass

# Names that may be written into a tag as they are: `<option {{ "selected" if … }}>`.
BARE_ATTRIBUTES: Final = frozenset(
    "checked selected disabled readonly required hidden open multiple autofocus novalidate formnovalidate allowfullscreen "
    "autoplay controls loop muted playsinline default ismap reversed inert itemscope async defer".split()
)


# Bound once: these run for almost every URL of a page.
_is_clean_url: Final = encoders.CLEAN_URL.fullmatch
_is_clean_piece: Final = encoders.CLEAN_PIECE.fullmatch
_is_clean_query: Final = encoders.CLEAN_QUERY.fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedValue:
    """A value that was not written: where, and what kind of place it was."""

    template: str
    line: int
    place: str


class Escapers:
    """The escapers of one environment."""

    __slots__ = ("_check_markup", "_on_blocked")

    def __init__(
        self, *, on_blocked: Callable[[BlockedValue], None], check_markup: Callable[[str], None] | None
    ) -> None:
        self._on_blocked = on_blocked
        self._check_markup = check_markup

    def _blocked(self, where: tuple[str, int], place: str) -> None:
        self._on_blocked(BlockedValue(template=where[0], line=where[1], place=place))

    # --- HTML ---

    def text(self, value: object) -> str:
        """HTML text; markup passes."""
        kind = type(value)
        if kind is str:
            return escape_inner(value)  # type: ignore[arg-type]
        if value is None:
            return ""
        if kind is int:
            return str(value)
        if isinstance(value, str) and (kind is Markup or kind is SafeHTML):
            if self._check_markup is not None:
                self._check_markup(value)
            return value
        if hasattr(value, "__html__"):
            markup = str(value.__html__())
            if self._check_markup is not None:
                self._check_markup(markup)
            return markup
        return escape_inner(str(value))

    def attribute(self, value: object) -> str:
        """The quoted value of an attribute, and the page's title; markup is turned into text."""
        if type(value) is str:
            return escape_inner(value)
        if type(value) is int:
            return str(value)
        return escape_inner(encoders.plain_text(value))

    def textarea(self, value: object) -> str:
        """What a person edits; the source of markup is shown."""
        if value is None:
            return ""
        return escape_inner(str(value.__html__() if hasattr(value, "__html__") else value))

    def comment(self, value: object) -> str:
        """A note in a comment: what could end it, or begin a directive, is a space."""
        return encoders.comment_text(encoders.plain_text(value))

    def srcdoc(self, value: object) -> str:
        """A document in an attribute: HTML of the sanitiser's only, escaped once more."""
        if value is not None and not isinstance(value, SafeHTML):
            raise UntypedAttributesError("srcdoc takes SafeHTML: what sanitise(…) returns.")
        return escape_inner("" if value is None else str.__str__(value))

    def attributes(self, value: object, element: str, present: tuple[str, ...], where: tuple[str, int]) -> str:
        """Attributes in the tag of `element`, which has those of `present` already."""
        if value is None or (isinstance(value, str) and (value == "" or value in BARE_ATTRIBUTES)):
            return "" if value is None else str(value)
        if not isinstance(value, Attrs):
            raise UntypedAttributesError(
                f"{where[0]}, line {where[1]}: an expression in a tag takes Attrs, or the name of a boolean attribute."
            )
        written = []
        for name, item in value.items():
            if item is None or item is False:
                continue
            if name in present:
                raise UntypedAttributesError(f"{where[0]}, line {where[1]}: <{element}> has {name} twice.")
            escaped = self._attribute_of(element, name, item, where)
            written.append(name if item is True else f'{name}="{escaped}"')
        return " ".join(written)

    def pair(self, pair: tuple[object, object], element: str, present: tuple[str, ...], where: tuple[str, int]) -> str:
        """An attribute whose name is known at run time, with the space before it."""
        name = encoders.plain_text(pair[0])
        if not ATTRIBUTE_NAME.fullmatch(name):
            raise UntypedAttributesError(f"{where[0]}, line {where[1]}: a value is not the name of an attribute.")
        name = name.lower()
        if name in present:
            raise UntypedAttributesError(f"{where[0]}, line {where[1]}: <{element}> has {name} twice.")
        return f' {name}="{self._attribute_of(element, name, pair[1], where)}"'

    def _attribute_of(self, element: str, name: str, value: object, where: tuple[str, int]) -> str:
        kind = tables.classify(element, name, Context(element=element))
        if kind == tables.PLAIN and name not in tables.DECISIVE.get(element, ()):
            return self.attribute(value)
        if kind in _KINDS_OF_ATTRS:
            return str(getattr(self, _KINDS_OF_ATTRS[kind])(value, where))
        raise UntypedAttributesError(
            f"{where[0]}, line {where[1]}: {name} of <{element}> is not a value that Attrs may set."
        )

    # --- URLs ---

    def url(self, value: object, where: tuple[str, int]) -> str:
        """The start of a URL, or all of it."""
        text = value if type(value) is str else encoders.plain_text(value)
        if _is_clean_url(text):
            return text
        return self._filtered(encoders.url_text(text), where)

    def media(self, value: object, where: tuple[str, int]) -> str:
        """As `url`; an inline image passes as well."""
        text = value if type(value) is str else encoders.plain_text(value)
        if _is_clean_url(text):
            return text
        return self._filtered(encoders.url_text(text, allows_images=True), where)

    def _filtered(self, url: str | None, where: tuple[str, int]) -> str:
        if url is None:
            self._blocked(where, "url")
            return encoders.BLOCKED_URL
        return url.replace("&", "&amp;")

    def url_path(self, value: object, _where: tuple[str, int]) -> str:
        """A later piece of a path."""
        text = value if type(value) is str else encoders.plain_text(value)
        return text if _is_clean_piece(text) else encoders.url_path_text(text)

    def url_root(self, value: object, _where: tuple[str, int]) -> str:
        """The piece after a lone slash, which must not add another."""
        text = value if type(value) is str else encoders.plain_text(value)
        return text if _is_clean_piece(text) else encoders.url_path_text(text, is_root=True)

    def url_query(self, value: object, _where: tuple[str, int]) -> str:
        """One value of a query or a fragment."""
        if type(value) is str and _is_clean_query(value):
            return value
        return encoders.url_query_text(value).replace("&", "&amp;")

    def code_url(self, value: object, where: tuple[str, int]) -> str:
        """The whole URL of a script, frame or style sheet."""
        if not isinstance(value, TrustedURL):
            raise UntypedURLError(
                f"{where[0]}, line {where[1]}: the address of code is a TrustedURL: what static(…) returns, or TrustedURL(path)."
            )
        return escape_inner(str.__str__(value))

    def code_path(self, value: object, where: tuple[str, int]) -> str:
        """A piece of such a URL after a static path."""
        text = encoders.code_path_text(encoders.plain_text(value))
        if text is None:
            self._blocked(where, "code url")
            return "fastness-blocked"
        return text

    def srcset(self, value: object, where: tuple[str, int]) -> str:
        """A whole list of image candidates."""
        text = encoders.srcset_text(encoders.plain_text(value))
        return self._filtered(text, where)

    # --- scripts and styles ---

    def json(self, value: object) -> str:
        """A value in a JSON block."""
        return encoders.json_text(value)

    def js(self, value: object) -> str:
        """A value in the code of a script."""
        return encoders.js_text(value)

    def js_string(self, value: object) -> str:
        """A piece of a string in a script."""
        return encoders.js_string_text(value if type(value) is str else encoders.plain_text(value))

    def css(self, value: object, where: tuple[str, int]) -> str:
        """The value of a CSS property."""
        text = encoders.css_text(encoders.plain_text(value))
        if text is None:
            self._blocked(where, "css value")
            return encoders.BLOCKED_CSS
        return text

    def css_url(self, value: object, where: tuple[str, int]) -> str:
        """The whole URL in `url(…)` of a property, which loads a picture or a font."""
        url = encoders.url_text(encoders.plain_text(value), allows_images=True)
        if url is None:
            self._blocked(where, "css url")
            return encoders.BLOCKED_URL
        return encoders.css_url_text(url)


_KINDS_OF_ATTRS: Final = {
    tables.URL: "url",
    tables.MEDIA: "media",
    tables.CODE_URL: "code_url",
    tables.SRCSET: "srcset",
    tables.CSS: "css",
}
