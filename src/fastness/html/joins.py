"""Where two ways through a template meet: the one context that stands for both, or a refusal.

Equal contexts are one. Four differences are merged, each to something that allows less than either: an attribute in one
branch only ("needs a separator"), parts of a URL (no further expression), code of a script (a value may not follow), and the
state of a form (the token is written where it may be missing; twice does no harm). Anything else has no meaning that both
ways share.
"""

from fastness.html import contexts as at
from fastness.html import tables
from fastness.html.contexts import Context, describe
from fastness.html.errors import AmbiguousPlaceError
from fastness.html.tracker import finish_name


def join(first: Context | None, second: Context | None, *, what: str) -> Context | None:
    """The context after `what`, whose ways end in `first` and `second`; None is a way that never ends (break, continue)."""
    if first is None or second is None or first == second:
        return first if second is None else second
    merged = _merge(_lenient(first, second), _lenient(second, first))
    if merged is None:
        raise AmbiguousPlaceError(
            f"{what} can end in {describe(first)} or in {describe(second)}. Let each way end in the same place: write whole "
            "tags and whole attributes inside it."
        )
    return merged


def _lenient(context: Context, other: Context) -> Context:
    """Without the differences that cost nothing."""
    form = context.form if context.form == other.form else ""
    return context._replace(form=form, in_select=context.in_select or other.in_select)


def _merge(first: Context, second: Context) -> Context | None:
    if first == second:
        return first
    if first.state in at.TAG_STATES and second.state in at.TAG_STATES:
        return _merge_tags(finish_name(first), finish_name(second))
    if first.state == at.VALUE and second.state == at.VALUE:
        return _merge_values(first, second)
    if first.state == at.RAW and first._replace(part="", return_part="") == second._replace(part="", return_part=""):
        return _merge_raw(first, second)
    return None


def _merge_tags(first: Context, second: Context) -> Context | None:
    if first.element != second.element or first.is_end_tag != second.is_end_tag or first.is_end_tag:
        return None
    state = at.IN_TAG if first.state == second.state == at.IN_TAG else at.SEPARATOR
    merged = merge_attributes(first.attributes, second.attributes)
    first, second = (each._replace(state=state, attributes=merged) for each in (first, second))
    return first if first == second else None


def merge_attributes(
    first: tuple[tuple[str, str], ...], second: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """The attributes of a tag that has those of one way or the other."""
    one, two = dict(first), dict(second)
    return tuple(
        sorted((name, one[name] if one.get(name) == two.get(name) else at.MAYBE) for name in one.keys() | two.keys())
    )


def _merge_values(first: Context, second: Context) -> Context | None:
    first, second = _under_one_name(first, second), _under_one_name(second, first)
    attributes = merge_attributes(first.attributes, second.attributes)
    part, value = first.part, first.value
    if first.kind in tables.URL_KINDS:
        if first.part != second.part or first.value != second.value:
            part, value = at.URL_AMBIGUOUS, at.FOREIGN_URL
    elif first.kind == tables.STYLE:
        if first.part != second.part:
            if {first.part, second.part} != {at.CSS_VALUE, at.CSS_VALUE_JOINED}:
                return None
            part = at.CSS_VALUE_JOINED
    elif first.part != second.part:
        part = "static"
    if first.kind not in tables.URL_KINDS and first.value != second.value:
        value = at.DYNAMIC
    one = first._replace(part=part, value=value, attributes=attributes)
    return one if one == second._replace(part=part, value=value, attributes=attributes) else None


def _under_one_name(context: Context, other: Context) -> Context:
    """A plain value that goes on in another plain attribute in one branch: `class="a{% if x %} b" title="c{% endif %}"`."""
    decisive = tables.DECISIVE.get(context.element, frozenset())
    names = {context.attribute, other.attribute}
    if len(names) == 1 or {context.kind, other.kind} != {tables.PLAIN} or names & decisive:
        return context
    return context._replace(
        attribute=min(names), attributes=merge_attributes(context.attributes, tuple((name, at.MAYBE) for name in names))
    )


def _merge_raw(first: Context, second: Context) -> Context | None:
    parts = {first.part, second.part}
    if first.element == "script":
        if at.JS_UNSUPPORTED in parts:
            return first._replace(part=at.JS_UNSUPPORTED)
        if parts == {at.JS_VALUE, at.JS_JOINED}:
            return first._replace(part=at.JS_JOINED)
    if first.element == "style" and parts == {at.CSS_VALUE, at.CSS_VALUE_JOINED}:
        return first._replace(part=at.CSS_VALUE_JOINED)
    return None


def settle(context: Context) -> Context:
    """The context after a block or include that began here, whatever it wrote.

    Another template may replace what it wrote, so that nothing is known but its place: it may have added attributes to a tag,
    any letters to a value, a value to a script.
    """
    if context.state in at.TAG_STATES:
        named = finish_name(context)
        attributes = merge_attributes(named.attributes, ((at.ANY_NAME, at.MAYBE),))
        return named._replace(state=at.SEPARATOR, attributes=attributes)
    if context.state == at.VALUE:
        if context.kind in tables.URL_KINDS:
            return context._replace(part=at.URL_AMBIGUOUS, value=at.FOREIGN_URL)
        part = at.CSS_VALUE_JOINED if context.part == at.CSS_VALUE else at.CSS_URL_AFTER.get(context.part, context.part)
        part = "static" if context.kind in {tables.CSS, tables.SRCSET, tables.SRCDOC} else part
        return context._replace(part=part, value=at.DYNAMIC if context.attribute else "")
    if context.state == at.RAW and context.element == "script" and context.part == at.JS_VALUE:
        return context._replace(part=at.JS_JOINED)
    if context.state == at.RAW and context.element == "style":
        after = (
            at.CSS_VALUE_JOINED if context.part == at.CSS_VALUE else at.CSS_URL_AFTER.get(context.part, context.part)
        )
        return context._replace(part=after)
    return context


def ends_well(start: Context, end: Context | None) -> bool:
    """Whether a block or include that began in `start` may end in `end`."""
    if end is None:
        return True
    one, two = _lenient(settle(start), settle(end)), _lenient(settle(end), settle(start))
    if one.state == at.SEPARATOR and two.state == at.SEPARATOR:
        return one._replace(attributes=()) == two._replace(attributes=())
    return one == two
