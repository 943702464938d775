"""The tokenizer's states inside a tag: names of attributes, and their values (HTML 13.2.5.32 to 13.2.5.40).

The value of an attribute that decides what another one means (`type`, `rel`, `http-equiv`, …) is kept until its tag ends.
"""

import re
from typing import Final

from fastness.html import contexts as at
from fastness.html import tables
from fastness.html.contexts import Context
from fastness.html.elements import end_tag
from fastness.html.errors import CodeAttributeError, ExpressionPlaceError, MarkupRefusedError, NonceByHandError
from fastness.html.parts import after_css, after_url
from fastness.html.reader import SPACE, Reader
from fastness.html.references import CUT_REFERENCE, static_text

_QUOTED_ATTRIBUTE: Final = re.compile(r"""([A-Za-z][A-Za-z0-9_:.\-]*)=(["'])""")
_HOST: Final = re.compile(r"[\0- ]*(?:https?:)?[/\\]{2}", re.IGNORECASE)
"""The start of an address that names a host."""
# An old way to say that a link does nothing; the page's policy stops it, which does nothing as well.
_DOES_NOTHING: Final = re.compile(r"\s*javascript:\s*(?:void\(0\)|//)?\s*;?\s*")
_SEPARATORS: Final = frozenset("\t\n\f\r />")
_ATTRIBUTE_NAME: Final = re.compile(r"[^\t\n\f\r />=]+")
_BAD_ATTRIBUTE_NAME: Final = re.compile(r"""["'<`\x00-\x1f\x7f]""")
_UNQUOTED: Final = re.compile(r"[^\t\n\f\r >]*")
_BAD_UNQUOTED: Final = re.compile(r"""["'<=`]""")
_SPACES: Final = re.compile(r"[\t\n\f\r ]*")
_CUT_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]?\Z")


def in_tag(reader: Reader) -> None:
    """Between the name of the tag, its attributes and its end."""
    found = _SPACES.match(reader.text, reader.position)
    reader.position = found.end() if found else reader.position
    if reader.position >= len(reader.text):
        return
    character = reader.text[reader.position]
    if character == ">":
        end_tag(reader, reader.position)
    elif character == "/":
        slash(reader)
    elif character == "=":
        raise MarkupRefusedError(f'"=" without an attribute name before it in <{reader.context.element}>.')
    elif (quoted := _QUOTED_ATTRIBUTE.match(reader.text, reader.position)) and not reader.context.is_end_tag:
        name = quoted[1].lower()
        kind = kind_of(reader, name)
        reader.position = quoted.end()
        reader.context = reader.context._replace(state=at.VALUE, attribute=name, quote=quoted[2], kind=kind)
    else:
        reader.context = reader.context._replace(state=at.ATTRIBUTE_NAME, attribute="")


def slash(reader: Reader) -> None:
    """What looks like a self-closing tag has to be one."""
    following = reader.text[reader.position + 1 : reader.position + 2]
    if not following:
        reader.wait()
    elif following != ">":
        raise MarkupRefusedError(
            f'"/" inside <{reader.context.element}>. Put a space between attributes, and "/" only before ">".'
        )
    elif reader.context.is_end_tag:
        raise MarkupRefusedError(f"</{reader.context.element}/> is no end tag. Remove the second slash.")
    else:
        end_tag(reader, reader.position, is_self_closing=True)


def in_separator(reader: Reader) -> None:
    """After a value, or what an expression wrote: a space, or the end of the tag."""
    if reader.text[reader.position] == "=":
        raise MarkupRefusedError(
            f'"=" after an expression in <{reader.context.element}>. Write {{{{ name }}}}="{{{{ value }}}}" with one '
            "expression on each side, or pass an Attrs."
        )
    rest = reader.text[reader.position : reader.position + 12]
    if rest[0] not in SPACE + "/>":
        raise MarkupRefusedError(
            f"{rest!r} follows an attribute of <{reader.context.element}> without a space. Put a space before it, inside the "
            "branch that adds it."
        )
    reader.context = reader.context._replace(state=at.IN_TAG)


def in_attribute_name(reader: Reader) -> None:
    """In the name of an attribute."""
    found = _ATTRIBUTE_NAME.match(reader.text, reader.position)
    piece = found.group() if found else ""
    name = (reader.context.attribute + piece).lower()
    if _BAD_ATTRIBUTE_NAME.search(piece):
        raise MarkupRefusedError(f"the attribute name {name!r} in <{reader.context.element}> has a quote or < in it.")
    if reader.context.is_end_tag:
        raise MarkupRefusedError(f"an attribute in the end tag </{reader.context.element}>. Remove it.")
    reader.position += len(piece)
    reader.context = reader.context._replace(attribute=name)
    if reader.position < len(reader.text):
        end_name(reader)
        character = reader.text[reader.position]
        if character == "=":
            reader.position += 1
            reader.context = reader.context._replace(state=at.BEFORE_VALUE)
        elif character in SPACE:
            reader.context = reader.context._replace(state=at.AFTER_NAME)
        else:
            finish_attribute(reader)


def end_name(reader: Reader) -> None:
    """The attribute's name is complete: decide what its value is."""
    kind = kind_of(reader, reader.context.attribute)
    reader.context = reader.context._replace(kind=kind, part="", return_part="", value="")


def kind_of(reader: Reader, name: str) -> str:
    """The kind of an attribute of this tag, if it may be there."""
    context = reader.context
    known = dict(context.attributes)
    if name in known and (known[name] != at.MAYBE or name in tables.DECISIVE.get(context.element, ())):
        raise MarkupRefusedError(f"<{context.element}> has {name} twice; browsers take the first one.")
    kind = tables.classify(context.element, name, context)
    if kind == tables.EVENT and not reader.allows_events:
        raise CodeAttributeError(
            f"{name} in <{context.element}> is a program in an attribute, and the page's Content-Security-Policy stops it. "
            "Listen for the event in a script: element.addEventListener(…)."
        )
    if kind == tables.NONCE:
        raise NonceByHandError("a nonce attribute. Remove it: the framework puts the nonce on every script and style.")
    if name == "http-equiv" and known.get("content", "") in {at.DYNAMIC, at.MAYBE}:
        raise ExpressionPlaceError("an expression in content beside http-equiv. Send a response header instead.")
    return kind


def after_name(reader: Reader) -> None:
    """After the name of an attribute: `=`, or the next one."""
    found = _SPACES.match(reader.text, reader.position)
    reader.position = found.end() if found else reader.position
    if reader.position >= len(reader.text):
        return
    if reader.text[reader.position] == "=":
        reader.position += 1
        reader.context = reader.context._replace(state=at.BEFORE_VALUE)
    else:
        finish_attribute(reader)


def before_value(reader: Reader) -> None:
    """After `=`: a quote, or the value itself."""
    found = _SPACES.match(reader.text, reader.position)
    reader.position = found.end() if found else reader.position
    if reader.position >= len(reader.text):
        return
    character = reader.text[reader.position]
    if character == ">":
        raise MarkupRefusedError(f"{reader.context.attribute}= without a value in <{reader.context.element}>.")
    quote = character if character in "\"'" else ""
    reader.position += len(quote)
    reader.context = reader.context._replace(state=at.VALUE, quote=quote)


def in_value(reader: Reader) -> None:
    """In the value of an attribute."""
    quote = reader.context.quote
    if quote:
        end = reader.text.find(quote, reader.position)
        stop = len(reader.text) if end == -1 else end
    else:
        found = _UNQUOTED.match(reader.text, reader.position)
        stop = found.end() if found else reader.position
        end = stop if stop < len(reader.text) else -1
        if _BAD_UNQUOTED.search(reader.text, reader.position, stop):
            raise MarkupRefusedError(
                f"the unquoted value of {reader.context.attribute} has a quote, <, = or ` in it. Put it in quotes."
            )
    piece = reader.text[reader.position : stop]
    if end == -1:
        open_value(reader, piece, stop)
        return
    value_text(reader, piece)
    reader.position = stop + len(quote)
    # The usual case needs no separate step for the character after the quote.
    is_separated = not quote or reader.text[reader.position : reader.position + 1] in _SEPARATORS
    finish_attribute(reader, state=at.IN_TAG if is_separated else at.SEPARATOR)


def open_value(reader: Reader, piece: str, stop: int) -> None:
    """A value whose end has not come yet: keep half a character reference for the next piece."""
    cut = None
    if reader.context.kind != tables.PLAIN or is_decisive(reader):
        cut = CUT_REFERENCE.search(piece) or (
            _CUT_PERCENT.search(piece) if reader.context.kind in tables.URL_KINDS else None
        )
    if cut is not None:
        value_text(reader, piece[: cut.start()])
        reader.position = stop - len(piece) + cut.start()
        reader.wait()
        return
    value_text(reader, piece)
    reader.position = stop


def is_decisive(reader: Reader) -> bool:
    """Whether the attribute decides what another one of its tag means."""
    return reader.context.attribute in tables.DECISIVE.get(reader.context.element, ())


def value_text(reader: Reader, text: str) -> None:
    """Static text of a value moves the place inside it."""
    context = reader.context
    if context.kind == tables.PLAIN and not is_decisive(reader):
        return
    decoded = static_text(text)
    if (
        context.part == at.URL_START
        and tables.LOADED.get(context.element) == context.attribute
        and _HOST.match(decoded)
    ):
        reader.context = context = context._replace(attributes=(at.ELSEWHERE, *context.attributes))
    if context.kind in tables.URL_KINDS and context.part == at.URL_START and _DOES_NOTHING.fullmatch(decoded):
        reader.context = context = context._replace(part=at.URL_OPAQUE, value=at.FOREIGN_URL)
    elif context.kind in tables.URL_KINDS:
        part, value = after_url(context.part, context.value, decoded)
        reader.context = context = context._replace(part=part, value=value)
    elif context.kind == tables.STYLE:
        part, return_part = after_css(context.part, context.return_part, decoded)
        reader.context = context = context._replace(part=part, return_part=return_part)
    elif context.kind in {tables.SRCSET, tables.CSS, tables.SRCDOC} and text:
        reader.context = context = context._replace(part="static")
    if is_decisive(reader) and context.kind not in tables.URL_KINDS and context.value != at.DYNAMIC:
        reader.context = context._replace(value=context.value + decoded)


def finish_attribute(reader: Reader, *, state: str = at.IN_TAG) -> None:
    """The attribute is complete; what follows it is not looked at here."""
    context = reader.context
    if context.state == at.ATTRIBUTE_NAME and not context.kind:
        end_name(reader)
        context = reader.context
    value = ""
    if is_decisive(reader):
        value = _form_action(context) if context.attribute == "action" else context.value
    pair = (context.attribute, value)
    others = [known for known in context.attributes if known[0] != pair[0]]
    attributes = tuple(sorted([*others, pair])) if others else (pair,)
    reader.context = context._replace(
        state=state, attribute="", kind="", quote="", part="", return_part="", value="", attributes=attributes
    )


def _form_action(context: Context) -> str:
    """What is known of a form's action: "local", "whole" (one expression), or at.DYNAMIC."""
    if context.value == at.WHOLE_URL:
        return "whole"
    is_elsewhere = context.value == at.FOREIGN_URL or context.part in {
        at.URL_AUTHORITY,
        at.URL_OPAQUE,
        at.URL_AMBIGUOUS,
    }
    return at.DYNAMIC if is_elsewhere else "local"
