"""Filters: which ones the escaper makes needless, which may stand on a block, and which work on text only.

`Markup` keeps its type through slices, `truncate` or `replace`, which can cut a tag or an escape in two: the next static
attribute then becomes part of what was cut. Such filters get the text of a value that brings markup, so that their result is
escaped again. ASVS 5.0: V1.2.1.
"""

import functools
from collections.abc import Callable
from typing import Any, Final

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from fastness.html.encoders import plain_text
from fastness.html.errors import SafeFilterError
from fastness.html.places import JS, JSON, TEXT, Place

BLOCK_FILTERS: Final = frozenset({"trim", "indent", "forceescape", "escape", "e", "striptags"})
"""On a set or filter block: none takes an escape apart, or drops the block's own tags by surprise."""

_SCRIPT: Final = frozenset({JSON, JS})

_CUTTING: Final = (
    "truncate wordwrap center replace upper lower capitalize title reverse first last random format sort list batch slice"
).split()

_MARKUP_METHODS: Final = frozenset({"striptags", "unescape", "join", "format", "__html__", "__html_format__"})
"""What a template may call on a value that brings markup; other string methods get its text."""

TOKEN_TAG_NAME: Final = "fastness_csrf_token"  # noqa: S105 a name that no template writes


def unwrap(node: nodes.Expr, place: Place, allows_safe: bool) -> nodes.Expr:  # noqa: FBT001 a fact about the template
    """The expression without outermost filters that do what the place does already."""
    while isinstance(node, nodes.Filter) and node.node is not None and not node.args and not node.kwargs:
        needless = node.name in {"e", "escape"} or (node.name == "urlencode" and place.escaper == "url_query")
        if node.name == "safe" and place.escaper not in {TEXT, *_SCRIPT}:
            raise SafeFilterError("|safe outside HTML text. Remove it: the value is escaped for its place.")
        if node.name == "safe" and place.escaper in _SCRIPT:
            needless = True
        if not needless:
            break
        node = node.node
    if isinstance(node, nodes.Filter) and node.name == "tojson" and node.node is not None and place.escaper in _SCRIPT:
        return node.node
    if place.escaper == "text" and isinstance(node, nodes.Filter) and node.name == "safe" and not allows_safe:
        raise SafeFilterError(
            "|safe without a reason. Pass SafeHTML, or list the template in TemplateRules(insecure_safe=…)."
        )
    return node


def chain_of(node: nodes.Node | None) -> list[str]:
    """The names of the filters on a block, outermost first."""
    names = []
    while isinstance(node, nodes.Filter):
        names.append(node.name)
        node = node.node
    return names


def on_text(value: object) -> object:
    """The text of a value that brings markup; anything else as it is."""
    return plain_text(value) if isinstance(value, str) and hasattr(value, "__html__") else value


def is_cut_by(value: object, attribute: object) -> bool:
    """Whether a method or index of `value` could cut its markup."""
    return isinstance(value, str) and hasattr(value, "__html__") and attribute not in _MARKUP_METHODS


def text_filters(known: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The cutting filters of `known`, each on text."""
    cutting = {name: _on_text(known[name]) for name in _CUTTING if name in known}
    return {**cutting, "trim": _trim(known["trim"])}


def _trim(function: Callable[..., Any]) -> Callable[..., Any]:
    """White space may be taken off markup; other characters could be half of an escape or tag."""

    @functools.wraps(function)
    def trim(value: Any, chars: str | None = None) -> Any:
        return function(value if chars is None else on_text(value), chars)

    return trim


def _on_text(function: Callable[..., Any]) -> Callable[..., Any]:
    index = 1 if hasattr(function, "jinja_pass_arg") else 0

    @functools.wraps(function)
    def filtered(*values: Any, **options: Any) -> Any:
        return function(*values[:index], *map(on_text, values[index : index + 1]), *values[index + 1 :], **options)

    return filtered


class TokenTag(Extension):
    """`{% csrf_token %}`, for people who come from Django: nothing where the form has its token."""

    tags = {"csrf_token"}  # noqa: RUF012 the name and type that Jinja2 looks for

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        call = nodes.Call(nodes.Name(TOKEN_TAG_NAME, "load", lineno=line), [], [], None, None, lineno=line)
        return nodes.Output([call], lineno=line)
