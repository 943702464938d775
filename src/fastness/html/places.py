"""Which escaper fits the place of an expression, and where the page stands after it; or why none fits.

One function for each state of the tracker that can take a value. Everything that is not written here is refused.
"""

from typing import Final

from fastness.html import contexts as at
from fastness.html import tables
from fastness.html.contexts import Context, describe
from fastness.html.errors import (
    CodeAttributeError,
    ExpressionPlaceError,
    ScriptPlaceError,
    StylePlaceError,
    TemplateRefusedError,
    URLPlaceError,
)
from fastness.kernel.values import dataclass

TEXT: Final = "text"
ATTRIBUTE: Final = "attribute"
JSON: Final = "json"
JS: Final = "js"
RAW: Final = "raw"  # already escaped for this very place: super()


@dataclass(frozen=True, slots=True)
class Place:
    """How one expression is written. `element` and `present` are for attributes in a tag; `form` is a form's key."""

    escaper: str
    element: str = ""
    present: tuple[str, ...] = ()
    form: str = ""


def place_of(context: Context) -> tuple[Place, Context]:
    """The place of an expression in `context`, and the context after it."""
    if context.pending:
        raise ExpressionPlaceError(
            f"an expression straight after {context.pending!r} would complete it. "
            "Put a space between them, or write &lt; or &amp;."
        )
    if context.state == at.TEXT:
        return _TEXT_PLACE, context
    if context.state == at.VALUE:
        return _in_value(context)
    if context.state == at.RAW:
        return _in_raw(context)
    if context.state == at.COMMENT:
        return Place("comment"), context
    if context.state == at.IN_TAG and not context.is_end_tag:
        return _in_tag("attributes", context)
    raise _refusal(context)


def place_of_pair(context: Context) -> tuple[Place, Context] | None:
    """The place of `{{ name }}="{{ value }}"`; a space is written before it, so that it may follow an attribute closely."""
    if context.state not in {at.IN_TAG, at.SEPARATOR} or context.is_end_tag or context.pending:
        return None
    return _in_tag("pair", context)


def _in_tag(escaper: str, context: Context) -> tuple[Place, Context]:
    present = tuple(name for name, _ in context.attributes)
    attributes = tuple(sorted({*context.attributes, (at.ANY_NAME, at.MAYBE)}))
    return Place(escaper, context.element, present), context._replace(state=at.SEPARATOR, attributes=attributes)


_TEXT_PLACE: Final = Place(TEXT)


def _refusal(context: Context) -> TemplateRefusedError:
    advice = {
        at.TAG_NAME: "Choose the tag with {% if %}; for attributes put a space before the expression.",
        at.SEPARATOR: "Put a space before the expression.",
        at.ATTRIBUTE_NAME: "Names of attributes are static; pass an Attrs for others.",
        at.AFTER_NAME: "Write =, then the value in quotes.",
        at.BEFORE_VALUE: 'Put the value in quotes: name="{{ value }}".',
        at.DECLARATION: "Write <!doctype html>.",
    }.get(context.state, "")
    return ExpressionPlaceError(f"an expression in {describe(context)}. {advice}")


def _in_value(context: Context) -> tuple[Place, Context]:
    where = describe(context)
    if not context.quote:
        raise ExpressionPlaceError(
            f'an expression in {where}. Put the value in quotes: {context.attribute}="{{{{ value }}}}".'
        )
    kind = context.kind
    if kind == tables.PLAIN:
        return Place(ATTRIBUTE), context._replace(value=at.DYNAMIC if context.attribute in _decisive(context) else "")
    if kind in tables.URL_KINDS:
        return _in_url(context)
    if kind == tables.STYLE:
        return _in_style(context)
    if kind in {tables.CSS, tables.SRCSET, tables.SRCDOC}:
        if context.part:
            raise ExpressionPlaceError(
                f"an expression beside other text in {where}. Pass the whole value as one expression."
            )
        return Place(_WHOLE[kind]), context._replace(part="static")
    if kind in {tables.EVENT, tables.FRAMEWORK}:
        raise CodeAttributeError(
            f"an expression in {where}, whose text is a program. Write the value into a data- attribute and read it from the "
            'script: data-value="{{ value }}", element.dataset.value.'
        )
    raise ExpressionPlaceError(
        f"an expression in {where}, which decides how the browser treats the element. Choose it with {{% if %}}."
    )


_WHOLE: Final = {tables.CSS: "css", tables.SRCSET: "srcset", tables.SRCDOC: "srcdoc"}


def _decisive(context: Context) -> frozenset[str]:
    return tables.DECISIVE.get(context.element, frozenset())


def _in_url(context: Context) -> tuple[Place, Context]:
    part = context.part
    where = describe(context)
    is_code = context.kind == tables.CODE_URL
    if part == at.URL_START:
        if is_code:
            return Place("code_url"), context._replace(part=at.URL_DYNAMIC, value=at.FOREIGN_URL)
        escaper = "media" if context.kind == tables.MEDIA else "url"
        return Place(escaper), context._replace(part=at.URL_DYNAMIC, value=at.WHOLE_URL)
    if part in {at.URL_QUERY, at.URL_FRAGMENT}:
        return Place("url_query"), context
    if part == at.URL_DYNAMIC:
        raise URLPlaceError(
            f"a second expression at the start of a URL, in {where}. Join them first: "
            "{{ one ~ two }}, or make the URL with url(…)."
        )
    if part == at.URL_SCHEME:
        raise URLPlaceError(
            f'an expression after "{context.value}" in {where}, which could still be a scheme. '
            'Begin the URL with "/", "./" or "#".'
        )
    if part == at.URL_AMBIGUOUS:
        raise URLPlaceError(
            f"an expression after branches of different URLs, in {where}. Make the URL in one expression before."
        )
    if part == at.URL_OPAQUE or (is_code and part in {at.URL_AUTHORITY, at.URL_ROOT}):
        raise URLPlaceError(
            f"an expression in {where}, where it could name another host or document. Pass the whole URL as a TrustedURL."
            if is_code
            else f"an expression in a static data: URL, in {where}. Pass the whole URL as one value."
        )
    if is_code:
        return Place("code_path"), context
    return Place("url_root" if part == at.URL_ROOT else "url_path"), context


def _in_raw(context: Context) -> tuple[Place, Context]:
    element = context.element
    if context.foreign:
        raise ExpressionPlaceError(
            f"an expression in <{element}> of an svg. Use a class, and style it from a style sheet."
        )
    if element == "title":
        return Place(ATTRIBUTE), context
    if element == "textarea":
        return Place("textarea"), context
    if element == "style":
        return _in_style(context)
    if element == "script":
        return _in_script(context)
    raise ExpressionPlaceError(
        f"an expression in <{element}>, which browsers read in different ways. Move it out of <{element}>."
    )


def _in_style(context: Context) -> tuple[Place, Context]:
    # Of a property only: @import would load a style sheet from there.
    if context.part in at.CSS_URL_AFTER and context.return_part == at.CSS_VALUE:
        return Place("css_url"), context._replace(part=at.CSS_URL_AFTER[context.part])
    return Place("css"), _after_css(context)


def _after_css(context: Context) -> Context:
    if context.part != at.CSS_VALUE:
        raise StylePlaceError(
            f"an expression in {describe(context)} of CSS. A value may stand after the colon of a property, "
            "alone or after a space, outside quotes; and a whole URL in url('{{ url }}')."
        )
    return context._replace(part=at.CSS_VALUE_JOINED)


def _in_script(context: Context) -> tuple[Place, Context]:
    advice = 'Put the value in <script type="application/json"> or in a data- attribute, and read it from the script.'
    if context.script == "data":
        raise ScriptPlaceError(f"an expression in a <script> whose type is unknown or not static. {advice}")
    if context.part == at.JS_VALUE:
        return Place(JSON if context.script == "json" else JS), context._replace(part=at.JS_JOINED)
    if context.part in {at.JS_DOUBLE, at.JS_SINGLE}:
        return Place("js_string"), context
    if context.part == at.JS_UNSUPPORTED:
        problem = "an expression in a script after a template literal, a regular expression or a division"
    elif context.part in {at.JS_LINE_COMMENT, at.JS_BLOCK_COMMENT}:
        problem = "an expression in a comment of a script"
    else:
        problem = "an expression in a script that does not stand after = ( [ , : ? or return"
    raise ScriptPlaceError(f"{problem}. {advice}")
