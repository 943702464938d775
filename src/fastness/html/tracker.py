"""Follows the HTML tokenizer through the static text of a template.

The reader of a page is a browser, so that every difference from the HTML standard's tokenizer (13.2.5) would be a hole. The
tracker has its states, and refuses what the standard calls a parse error inside a tag or comment: that costs an author nothing
and takes the hard cases away. It also knows the three things that the tree builder tells the tokenizer: which elements hold raw
text, that svg and math are other languages, and that `<select>` drops most tags.

`advance` is a pure function: a context and a piece of text give the context after it and the places where the framework adds
something of its own (a nonce, a form's token).

Not covered: markup that a value brings along (`SafeHTML` is made by the sanitiser), and scripts that build HTML in the browser
(Trusted Types). ASVS 5.0: V1.2.1.
"""

import re
from typing import Final

from fastness.html import contexts as at
from fastness.html import tables
from fastness.html.attributes import (
    after_name,
    before_value,
    finish_attribute,
    in_attribute_name,
    in_separator,
    in_tag,
    in_value,
)
from fastness.html.contexts import Context
from fastness.html.errors import MarkupRefusedError, ScriptPlaceError, TemplateRefusedError
from fastness.html.parts import after_css, after_js
from fastness.html.reader import INSERT_NONCE, SPACE, Insertion, Reader

_TAG_NAME: Final = re.compile(r"[^\t\n\f\r />]*")
_GOOD_TAG_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9:_.\-]*\Z")
_WHOLE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9:_.\-]*(?=[\t\n\f\r />])")
_SIMPLE_TAG: Final = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)>")
# Tags that change more than the place in the text.
_SPECIAL: Final = (
    tables.RAW_ELEMENTS | tables.REFUSED_ELEMENTS | tables.FOREIGN_ROOTS | frozenset({"select", "form", "link"})
)
_COMMENT_END: Final = re.compile(r"--!?>")
_CUT_COMMENT_END: Final = re.compile(r"-(?:-!?)?\Z")
_CUT_MARKUP: Final = re.compile(r"<(?:/|!(?:-{1,3}|[dD][a-zA-Z]{0,5})?)?\Z")


def advance(
    context: Context, text: str, *, form_key: str = "", events: bool = False
) -> tuple[Context, list[Insertion]]:
    """The context after `text`, and what to insert; raises where browsers would have to repair the text.

    `form_key` names the form that this text may open; `events` lets static `on…` attributes pass.
    """
    reader = Reader(context, text, form_key=form_key, events=events)
    try:
        run(reader)
    except TemplateRefusedError as error:
        error.offset = reader.position - reader.cut
        raise
    return reader.context, reader.insertions


def finish_name(context: Context) -> Context:
    """The context of a tag in which an attribute's name ends here."""
    if context.state not in {at.ATTRIBUTE_NAME, at.AFTER_NAME}:
        return context
    reader = Reader(context, "", form_key="", events=True)
    finish_attribute(reader)
    return reader.context._replace(state=at.SEPARATOR)


def run(reader: Reader) -> None:
    """Read to the end of the text."""
    while reader.position < len(reader.text) and not reader.context.pending:
        before = (reader.position, reader.context)
        _STEPS[reader.context.state](reader)
        if (reader.position, reader.context) == before:
            raise MarkupRefusedError(f"the tracker stands still in {at.describe(reader.context)}")  # a bug of ours
    # The nonce goes on the tag's name, before branches add attributes; nothing may continue that name afterwards.
    if reader.context.state == at.TAG_NAME and not reader.context.is_end_tag and reader.position >= len(reader.text):
        name = reader.context.element.lower()
        if name in {"script", "style"}:
            end_tag_name(reader)
            reader.context = reader.context._replace(state=at.SEPARATOR)


def in_text(reader: Reader) -> None:
    """In the text of an element."""
    start = reader.text.find("<", reader.position)
    if start == -1:
        reader.position = len(reader.text)
        return
    reader.position = start
    simple = None if reader.context.foreign else _SIMPLE_TAG.match(reader.text, start)
    if simple is not None and simple[1].lower() not in _SPECIAL:
        reader.position = simple.end()
        return
    rest = reader.text[start : start + 12]
    if _CUT_MARKUP.match(rest) and len(rest) == len(reader.text) - start:
        reader.wait()
    elif rest[1].isascii() and rest[1].isalpha():
        begin_tag(reader, 1)
    elif rest[1] == "/" and rest[2].isascii() and rest[2].isalpha():
        begin_tag(reader, 2)
    elif rest.startswith("<!--"):
        if rest.startswith(("<!-->", "<!--->")):
            raise MarkupRefusedError("a comment that ends where it begins. Write <!-- and --> around its text.")
        reader.context = reader.context._replace(state=at.COMMENT)
        reader.position = start + 4
    elif rest[:9].lower() == "<!doctype" and not reader.context.foreign:
        reader.context = reader.context._replace(state=at.DECLARATION)
        reader.position = start + 9
    elif rest[1] in "!?/":
        raise MarkupRefusedError(f"{rest!r} is read as a comment by browsers. Write a tag, or &lt; for the character.")
    else:
        reader.position = start + 1


def begin_tag(reader: Reader, length: int) -> None:
    """A tag begins; `length` is that of `<` or `</`."""
    reader.position += length
    whole = _WHOLE_NAME.match(reader.text, reader.position)
    element = whole.group().lower() if whole else ""
    reader.position += len(element)
    reader.context = reader.context._replace(
        state=at.IN_TAG if whole else at.TAG_NAME,
        element=element, is_end_tag=length == 2, attribute="", attributes=(), value="", kind="",
    )  # fmt: skip
    if whole:
        end_tag_name(reader)


def in_comment(reader: Reader) -> None:
    """In a comment."""
    found = _COMMENT_END.search(reader.text, reader.position)
    if found is not None:
        reader.position = found.end()
        reader.context = reader.context._replace(state=at.TEXT)
        return
    cut = _CUT_COMMENT_END.search(reader.text, reader.position)
    reader.position = len(reader.text) if cut is None else cut.start()
    if cut is not None:
        reader.wait()


def in_declaration(reader: Reader) -> None:
    """In the document's type."""
    end = reader.text.find(">", reader.position)
    reader.position = len(reader.text) if end == -1 else end + 1
    if end != -1:
        reader.context = reader.context._replace(state=at.TEXT)


def in_raw(reader: Reader) -> None:
    """In an element whose text ends with its own end tag only."""
    element = reader.context.element
    is_foreign = bool(reader.context.foreign)
    end = reader.position
    while True:
        end = reader.text.find("<", end)
        if end == -1:
            break
        rest = reader.text[end : end + len(element) + 3].lower()
        closing = f"</{element}"
        if rest.startswith(closing) and (len(rest) == len(closing) or rest[len(closing)] in SPACE + "/>"):
            if len(rest) == len(closing) and end + len(rest) == len(reader.text):
                break  # half an end tag, perhaps
            raw_text(reader, reader.text[reader.position : end])
            reader.position = end
            reader.context = reader.context._replace(part="", return_part="", script="")
            begin_tag(reader, 2)
            return
        if end + len(rest) == len(reader.text) and (closing.startswith(rest) or may_open(reader, rest)):
            break
        check_raw(reader, rest, is_foreign=is_foreign)
        end += 1
    stop = len(reader.text) if end == -1 else end
    raw_text(reader, reader.text[reader.position : stop])
    reader.position = stop
    if stop < len(reader.text):
        reader.wait()


def may_open(reader: Reader, rest: str) -> bool:
    """Whether a script's text breaks off in what would change where it ends."""
    return reader.context.element == "script" and ("<!--".startswith(rest) or "<script".startswith(rest))


def check_raw(reader: Reader, rest: str, *, is_foreign: bool) -> None:
    """Refuse what browsers read in several ways inside raw text."""
    if is_foreign:
        raise MarkupRefusedError(
            f"{rest!r} inside <{reader.context.element}> of an <svg>. Move it to a file of its own."
        )
    if reader.context.element == "script" and rest.startswith(("<!--", "<script")):
        raise ScriptPlaceError(
            f"{rest!r} in a script changes where browsers end it. Write the text as '\\x3c…' in the script."
        )


def raw_text(reader: Reader, text: str) -> None:
    """The text of a script or style moves the place inside it."""
    context = reader.context
    if not text or context.foreign:
        return
    if context.element == "script" and context.script in {"js", "json"}:
        reader.context = context._replace(part=after_js(context.part, text, is_json=context.script == "json"))
    elif context.element == "style":
        part, return_part = after_css(context.part, context.return_part, text)
        reader.context = context._replace(part=part, return_part=return_part)


def in_tag_name(reader: Reader) -> None:
    """In the name of a tag that expressions interrupt."""
    found = _TAG_NAME.match(reader.text, reader.position)
    name = reader.context.element + (found.group() if found else "")
    reader.position += len(name) - len(reader.context.element)
    if not _GOOD_TAG_NAME.match(name):
        raise MarkupRefusedError(f"<{name} is not the name of an element.")
    reader.context = reader.context._replace(element=name.lower())
    if reader.position < len(reader.text):
        end_tag_name(reader)
        reader.context = reader.context._replace(state=at.IN_TAG)


def end_tag_name(reader: Reader) -> None:
    """The name of a tag is complete: what gets a nonce gets it here."""
    context = reader.context
    if not context.is_end_tag and context.element in {"script", "style"}:
        reader.insert(reader.position, INSERT_NONCE)


_STEPS: Final = {
    at.TEXT: in_text,
    at.TAG_NAME: in_tag_name,
    at.SEPARATOR: in_separator,
    at.IN_TAG: in_tag,
    at.ATTRIBUTE_NAME: in_attribute_name,
    at.AFTER_NAME: after_name,
    at.BEFORE_VALUE: before_value,
    at.VALUE: in_value,
    at.COMMENT: in_comment,
    at.DECLARATION: in_declaration,
    at.RAW: in_raw,
}
