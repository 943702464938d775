"""What the end of a tag changes for the text after it: what the tree builder tells the tokenizer (HTML 13.2.6).

Which elements hold raw text, that svg and math are other languages, that `<select>` drops most tags, and which forms post to
this site. ASVS 5.0: V1.2.1, V3.5.1.
"""

from fastness.html import contexts as at
from fastness.html import tables
from fastness.html.contexts import Context, attribute_of
from fastness.html.errors import MarkupRefusedError
from fastness.html.reader import FOREIGN_CODE, INSERT_NONCE, INSERT_TOKEN, SPACE, Reader


def end_tag(reader: Reader, offset: int, *, is_self_closing: bool = False) -> None:
    """The tag ends here."""
    context = reader.context
    name = context.element
    reader.position = offset + (2 if is_self_closing else 1)
    after = Context(foreign=context.foreign, in_select=context.in_select, form=context.form)
    if context.is_end_tag:
        reader.context = close(name, after)
        return
    if name in tables.LOADED:
        note_integrity(reader, offset, context)
    if name == "link" and _needs_nonce(context):
        reader.insert(offset, INSERT_NONCE)
    is_html = not context.foreign or context.foreign[-1] in tables.INTEGRATION_POINTS
    if is_html:
        reader.context = open_html(reader, name, context, after, is_self_closing=is_self_closing)
    else:
        reader.context = open_foreign(name, after, is_self_closing=is_self_closing)


def note_integrity(reader: Reader, offset: int, context: Context) -> None:
    """Note code of another host that nobody vouched for: who takes over that host has every page that loads it."""
    is_code = context.element == "script" or _needs_nonce(context)
    if is_code and at.ELSEWHERE in context.attributes and attribute_of(context, "integrity") is None:
        reader.insert(offset, FOREIGN_CODE)


def open_html(reader: Reader, name: str, context: Context, after: Context, *, is_self_closing: bool) -> Context:
    """The context after a start tag of HTML."""
    if name in tables.REFUSED_ELEMENTS:
        raise MarkupRefusedError(
            f"<{name}> is obsolete, and browsers read the rest of the page in another way after it."
        )
    if name in tables.FOREIGN_ROOTS:
        if context.in_select:
            raise MarkupRefusedError(f"<{name}> inside <select>; some browsers drop the tag. Move it out.")
        return after if is_self_closing else after._replace(foreign=(*after.foreign, name))
    if name == "select":
        return after._replace(in_select=True)
    if name in tables.RAW_ELEMENTS:
        if context.in_select:
            raise MarkupRefusedError(
                f"<{name}> inside <select>; browsers drop the tag and read its text as part of the page."
            )
        script = tables.script_kind(context) if name == "script" else ""
        return after._replace(state=at.RAW, element=name, script=script, part=at.JS_JOINED if script == "js" else "")
    if name == "form":
        return after._replace(form=open_form(reader, context))
    return after


def open_form(reader: Reader, context: Context) -> str:
    """Put the token first into a form that posts to this site."""
    method = attribute_of(context, "method")
    action = attribute_of(context, "action")
    if method is None or method.strip(SPACE).lower() != "post":
        return ""
    if action in {None, "local"}:
        reader.insert(reader.position, INSERT_TOKEN)
        return at.FORM_PLACED
    if action == "whole":
        reader.insert(reader.position, INSERT_TOKEN, reader.form_key)
        return reader.form_key
    return ""


def open_foreign(name: str, after: Context, *, is_self_closing: bool) -> Context:
    """The context after a start tag inside svg or math."""
    if name in tables.BREAKOUT or (name in tables.RAW_ELEMENTS and name not in {"title", "style", "script"}):
        raise MarkupRefusedError(
            f"<{name}> inside <{after.foreign[-1]}>; browsers end the svg or math there. Close it first."
        )
    if is_self_closing:
        if name in {"script", "style"}:
            raise MarkupRefusedError(f"<{name}/> inside an svg. Write its end tag.")
        return after
    if name in {"script", "style"}:
        return after._replace(state=at.RAW, element=name, script="data")
    return after._replace(foreign=(*after.foreign, name))


def close(name: str, after: Context) -> Context:
    """The context after an end tag."""
    foreign = after.foreign
    if foreign:
        if name in {"script", "style"}:
            return after
        if foreign[-1] == name:
            return after._replace(foreign=foreign[:-1])
        if foreign[-1] not in tables.INTEGRATION_POINTS or name in foreign:
            raise MarkupRefusedError(
                f"</{name}> while <{foreign[-1]}> is open. Close that first, or write it as <{foreign[-1]} …/>."
            )
    if name == "select":
        return after._replace(in_select=False)
    if name == "form":
        return after._replace(form="")
    return after


def _needs_nonce(context: Context) -> bool:
    rel = attribute_of(context, "rel")
    if rel is None:
        return False
    tokens = set(rel.lower().split())
    if "preload" in tokens:
        return (attribute_of(context, "as") or "").lower() in {"script", "style"}
    return bool(tokens & tables.NONCE_RELS)
