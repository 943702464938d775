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

import html
import re
from dataclasses import dataclass
from typing import Final

from fastness.html import contexts as at
from fastness.html import tables
from fastness.html.contexts import Context, attribute_of
from fastness.html.errors import (
    CodeAttributeError,
    ExpressionPlaceError,
    MarkupRefusedError,
    NonceByHandError,
    ScriptPlaceError,
    TemplateRefusedError,
)
from fastness.html.parts import after_css, after_js, after_url, refuse_control

INSERT_NONCE: Final = "nonce"
INSERT_TOKEN: Final = "token"  # noqa: S105 the name of an insertion
FOREIGN_CODE: Final = "foreign code"
"""Nothing is inserted: a tag that ends here loads code of another host, without its hash."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """Something of the framework's, at an offset of the text; `form` is the key of a form whose action is dynamic."""

    offset: int
    what: str
    form: str = ""


_SPACE: Final = "\t\n\f\r "
_TAG_NAME: Final = re.compile(r"[^\t\n\f\r />]*")
_GOOD_TAG_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9:_.\-]*\Z")
_WHOLE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9:_.\-]*(?=[\t\n\f\r />])")
_SIMPLE_TAG: Final = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)>")
_QUOTED_ATTRIBUTE: Final = re.compile(r"""([A-Za-z][A-Za-z0-9_:.\-]*)=(["'])""")
_HOST: Final = re.compile(r"[\0- ]*(?:https?:)?[/\\]{2}", re.IGNORECASE)
"""The start of an address that names a host."""
# An old way to say that a link does nothing; the page's policy stops it, which does nothing as well.
_DOES_NOTHING: Final = re.compile(r"\s*javascript:\s*(?:void\(0\)|//)?\s*;?\s*")
_SEPARATORS: Final = frozenset("\t\n\f\r />")
# Tags that change more than the place in the text.
_SPECIAL: Final = (
    tables.RAW_ELEMENTS | tables.REFUSED_ELEMENTS | tables.FOREIGN_ROOTS | frozenset({"select", "form", "link"})
)
_ATTRIBUTE_NAME: Final = re.compile(r"[^\t\n\f\r />=]+")
_BAD_ATTRIBUTE_NAME: Final = re.compile(r"""["'<`\x00-\x1f\x7f]""")
_UNQUOTED: Final = re.compile(r"[^\t\n\f\r >]*")
_BAD_UNQUOTED: Final = re.compile(r"""["'<=`]""")
_SPACES: Final = re.compile(r"[\t\n\f\r ]*")
_COMMENT_END: Final = re.compile(r"--!?>")
_CUT_COMMENT_END: Final = re.compile(r"-(?:-!?)?\Z")
_CUT_MARKUP: Final = re.compile(r"<(?:/|!(?:-{1,3}|[dD][a-zA-Z]{0,5})?)?\Z")
_CUT_REFERENCE: Final = re.compile(r"&(?:#(?:[xX][0-9A-Fa-f]*|[0-9]*)|[A-Za-z0-9]*)\Z")
_CUT_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]?\Z")
_REFERENCE: Final = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9A-Fa-f]+;?|[A-Za-z][A-Za-z0-9]*;)")


def advance(
    context: Context, text: str, *, form_key: str = "", events: bool = False
) -> tuple[Context, list[Insertion]]:
    """The context after `text`, and what to insert; raises where browsers would have to repair the text.

    `form_key` names the form that this text may open; `events` lets static `on…` attributes pass.
    """
    reader = _Reader(context, text, form_key=form_key, events=events)
    try:
        reader.run()
    except TemplateRefusedError as error:
        error.offset = reader.position - reader.cut
        raise
    return reader.context, reader.insertions


def static_text(text: str) -> str:
    """The text of an attribute with its character references decoded as the tokenizer decodes them.

    A named reference without its semicolon stands for none of the characters that decide a place (: / ? # and letters).
    """
    return _REFERENCE.sub(_decoded, text) if "&" in text else text


def refuse_half_reference(text: str) -> None:
    """An expression after `&` or `&am` could turn static text into another character."""
    if "&" in text[-40:] and _CUT_REFERENCE.search(text):
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


def finish_name(context: Context) -> Context:
    """The context of a tag in which an attribute's name ends here."""
    if context.state not in {at.ATTRIBUTE_NAME, at.AFTER_NAME}:
        return context
    reader = _Reader(context, "", form_key="", events=True)
    reader.finish_attribute()
    return reader.context._replace(state=at.SEPARATOR)


class _Reader:
    """One run over one piece of text."""

    def __init__(self, context: Context, text: str, *, form_key: str, events: bool) -> None:
        refuse_control(text)
        self.cut = len(context.pending)
        self.text = context.pending + text
        self.context = context._replace(pending="")
        self.position = 0
        self.insertions: list[Insertion] = []
        self.form_key = form_key
        self.allows_events = events

    def run(self) -> None:
        while self.position < len(self.text) and not self.context.pending:
            before = (self.position, self.context)
            _STEPS[self.context.state](self)
            if (self.position, self.context) == before:
                raise MarkupRefusedError(f"the tracker stands still in {at.describe(self.context)}")  # a bug of ours
        # The nonce goes on the tag's name, before branches add attributes; nothing may continue that name afterwards.
        if self.context.state == at.TAG_NAME and not self.context.is_end_tag and self.position >= len(self.text):
            name = self.context.element.lower()
            if name in {"script", "style"}:
                self.end_tag_name()
                self.context = self.context._replace(state=at.SEPARATOR)

    def insert(self, offset: int, what: str, form: str = "") -> None:
        self.insertions.append(Insertion(max(offset - self.cut, 0), what, form))

    def refuse(self, problem: str) -> MarkupRefusedError:
        return MarkupRefusedError(problem)

    def wait(self) -> None:
        """The rest of the text is half a token: keep it for the next piece."""
        self.context = self.context._replace(pending=self.text[self.position :])
        self.position = len(self.text)

    # --- text ---

    def in_text(self) -> None:
        start = self.text.find("<", self.position)
        if start == -1:
            self.position = len(self.text)
            return
        self.position = start
        simple = None if self.context.foreign else _SIMPLE_TAG.match(self.text, start)
        if simple is not None and simple[1].lower() not in _SPECIAL:
            self.position = simple.end()
            return
        rest = self.text[start : start + 12]
        if _CUT_MARKUP.match(rest) and len(rest) == len(self.text) - start:
            self.wait()
        elif rest[1].isascii() and rest[1].isalpha():
            self.begin_tag(1)
        elif rest[1] == "/" and rest[2].isascii() and rest[2].isalpha():
            self.begin_tag(2)
        elif rest.startswith("<!--"):
            if rest.startswith(("<!-->", "<!--->")):
                raise self.refuse("a comment that ends where it begins. Write <!-- and --> around its text.")
            self.context = self.context._replace(state=at.COMMENT)
            self.position = start + 4
        elif rest[:9].lower() == "<!doctype" and not self.context.foreign:
            self.context = self.context._replace(state=at.DECLARATION)
            self.position = start + 9
        elif rest[1] in "!?/":
            raise self.refuse(f"{rest!r} is read as a comment by browsers. Write a tag, or &lt; for the character.")
        else:
            self.position = start + 1

    def begin_tag(self, length: int) -> None:
        self.position += length
        whole = _WHOLE_NAME.match(self.text, self.position)
        element = whole.group().lower() if whole else ""
        self.position += len(element)
        self.context = self.context._replace(
            state=at.IN_TAG if whole else at.TAG_NAME,
            element=element, is_end_tag=length == 2, attribute="", attributes=(), value="", kind="",
        )  # fmt: skip
        if whole:
            self.end_tag_name()

    def in_comment(self) -> None:
        found = _COMMENT_END.search(self.text, self.position)
        if found is not None:
            self.position = found.end()
            self.context = self.context._replace(state=at.TEXT)
            return
        cut = _CUT_COMMENT_END.search(self.text, self.position)
        self.position = len(self.text) if cut is None else cut.start()
        if cut is not None:
            self.wait()

    def in_declaration(self) -> None:
        end = self.text.find(">", self.position)
        self.position = len(self.text) if end == -1 else end + 1
        if end != -1:
            self.context = self.context._replace(state=at.TEXT)

    # --- raw text ---

    def in_raw(self) -> None:
        element = self.context.element
        is_foreign = bool(self.context.foreign)
        end = self.position
        while True:
            end = self.text.find("<", end)
            if end == -1:
                break
            rest = self.text[end : end + len(element) + 3].lower()
            closing = f"</{element}"
            if rest.startswith(closing) and (len(rest) == len(closing) or rest[len(closing)] in _SPACE + "/>"):
                if len(rest) == len(closing) and end + len(rest) == len(self.text):
                    break  # half an end tag, perhaps
                self.raw_text(self.text[self.position : end])
                self.position = end
                self.context = self.context._replace(part="", return_part="", script="")
                self.begin_tag(2)
                return
            if end + len(rest) == len(self.text) and (closing.startswith(rest) or self.may_open(rest)):
                break
            self.check_raw(rest, is_foreign=is_foreign)
            end += 1
        stop = len(self.text) if end == -1 else end
        self.raw_text(self.text[self.position : stop])
        self.position = stop
        if stop < len(self.text):
            self.wait()

    def may_open(self, rest: str) -> bool:
        return self.context.element == "script" and ("<!--".startswith(rest) or "<script".startswith(rest))

    def check_raw(self, rest: str, *, is_foreign: bool) -> None:
        if is_foreign:
            raise self.refuse(f"{rest!r} inside <{self.context.element}> of an <svg>. Move it to a file of its own.")
        if self.context.element == "script" and rest.startswith(("<!--", "<script")):
            raise ScriptPlaceError(
                f"{rest!r} in a script changes where browsers end it. Write the text as '\\x3c…' in the script."
            )

    def raw_text(self, text: str) -> None:
        context = self.context
        if not text or context.foreign:
            return
        if context.element == "script" and context.script in {"js", "json"}:
            self.context = context._replace(part=after_js(context.part, text, is_json=context.script == "json"))
        elif context.element == "style":
            part, return_part = after_css(context.part, context.return_part, text)
            self.context = context._replace(part=part, return_part=return_part)

    # --- tags ---

    def in_tag_name(self) -> None:
        found = _TAG_NAME.match(self.text, self.position)
        name = self.context.element + (found.group() if found else "")
        self.position += len(name) - len(self.context.element)
        if not _GOOD_TAG_NAME.match(name):
            raise self.refuse(f"<{name} is not the name of an element.")
        self.context = self.context._replace(element=name.lower())
        if self.position < len(self.text):
            self.end_tag_name()
            self.context = self.context._replace(state=at.IN_TAG)

    def end_tag_name(self) -> None:
        context = self.context
        if context.is_end_tag:
            return
        name = context.element
        if name in {"script", "style"}:
            self.insert(self.position, INSERT_NONCE)

    def in_tag(self) -> None:
        found = _SPACES.match(self.text, self.position)
        self.position = found.end() if found else self.position
        if self.position >= len(self.text):
            return
        character = self.text[self.position]
        if character == ">":
            self.end_tag(self.position)
        elif character == "/":
            self.slash()
        elif character == "=":
            raise self.refuse(f'"=" without an attribute name before it in <{self.context.element}>.')
        elif (quoted := _QUOTED_ATTRIBUTE.match(self.text, self.position)) and not self.context.is_end_tag:
            name = quoted[1].lower()
            kind = self.kind_of(name)
            self.position = quoted.end()
            self.context = self.context._replace(state=at.VALUE, attribute=name, quote=quoted[2], kind=kind)
        else:
            self.context = self.context._replace(state=at.ATTRIBUTE_NAME, attribute="")

    def slash(self) -> None:
        following = self.text[self.position + 1 : self.position + 2]
        if not following:
            self.wait()
        elif following != ">":
            raise self.refuse(
                f'"/" inside <{self.context.element}>. Put a space between attributes, and "/" only before ">".'
            )
        elif self.context.is_end_tag:
            raise self.refuse(f"</{self.context.element}/> is no end tag. Remove the second slash.")
        else:
            self.end_tag(self.position, is_self_closing=True)

    def in_separator(self) -> None:
        if self.text[self.position] == "=":
            raise self.refuse(
                f'"=" after an expression in <{self.context.element}>. Write {{{{ name }}}}="{{{{ value }}}}" with one '
                "expression on each side, or pass an Attrs."
            )
        if self.text[self.position] not in _SPACE + "/>":
            raise self.refuse(
                f"{self.text[self.position : self.position + 12]!r} follows an attribute of <{self.context.element}> without a "
                "space. Put a space before it, inside the branch that adds it."
            )
        self.context = self.context._replace(state=at.IN_TAG)

    def in_attribute_name(self) -> None:
        found = _ATTRIBUTE_NAME.match(self.text, self.position)
        piece = found.group() if found else ""
        name = (self.context.attribute + piece).lower()
        if _BAD_ATTRIBUTE_NAME.search(piece):
            raise self.refuse(f"the attribute name {name!r} in <{self.context.element}> has a quote or < in it.")
        if self.context.is_end_tag:
            raise self.refuse(f"an attribute in the end tag </{self.context.element}>. Remove it.")
        self.position += len(piece)
        self.context = self.context._replace(attribute=name)
        if self.position < len(self.text):
            self.end_name()
            character = self.text[self.position]
            if character == "=":
                self.position += 1
                self.context = self.context._replace(state=at.BEFORE_VALUE)
            elif character in _SPACE:
                self.context = self.context._replace(state=at.AFTER_NAME)
            else:
                self.finish_attribute()

    def end_name(self) -> None:
        """The attribute's name is complete: decide what its value is."""
        kind = self.kind_of(self.context.attribute)
        self.context = self.context._replace(kind=kind, part="", return_part="", value="")

    def kind_of(self, name: str) -> str:
        """The kind of an attribute of this tag, if it may be there."""
        context = self.context
        known = dict(context.attributes)
        if name in known and (known[name] != at.MAYBE or name in tables.DECISIVE.get(context.element, ())):
            raise self.refuse(f"<{context.element}> has {name} twice; browsers take the first one.")
        kind = tables.classify(context.element, name, context)
        if kind == tables.EVENT and not self.allows_events:
            raise CodeAttributeError(
                f"{name} in <{context.element}> is a program in an attribute, and the page's Content-Security-Policy stops it. "
                "Listen for the event in a script: element.addEventListener(…)."
            )
        if kind == tables.NONCE:
            raise NonceByHandError(
                "a nonce attribute. Remove it: the framework puts the nonce on every script and style."
            )
        if name == "http-equiv" and known.get("content", "") in {at.DYNAMIC, at.MAYBE}:
            raise ExpressionPlaceError("an expression in content beside http-equiv. Send a response header instead.")
        return kind

    def after_name(self) -> None:
        found = _SPACES.match(self.text, self.position)
        self.position = found.end() if found else self.position
        if self.position >= len(self.text):
            return
        if self.text[self.position] == "=":
            self.position += 1
            self.context = self.context._replace(state=at.BEFORE_VALUE)
        else:
            self.finish_attribute()

    def before_value(self) -> None:
        found = _SPACES.match(self.text, self.position)
        self.position = found.end() if found else self.position
        if self.position >= len(self.text):
            return
        character = self.text[self.position]
        if character == ">":
            raise self.refuse(f"{self.context.attribute}= without a value in <{self.context.element}>.")
        quote = character if character in "\"'" else ""
        self.position += len(quote)
        self.context = self.context._replace(state=at.VALUE, quote=quote)

    def in_value(self) -> None:
        quote = self.context.quote
        if quote:
            end = self.text.find(quote, self.position)
            stop = len(self.text) if end == -1 else end
        else:
            found = _UNQUOTED.match(self.text, self.position)
            stop = found.end() if found else self.position
            end = stop if stop < len(self.text) else -1
            if _BAD_UNQUOTED.search(self.text, self.position, stop):
                raise self.refuse(
                    f"the unquoted value of {self.context.attribute} has a quote, <, = or ` in it. Put it in quotes."
                )
        piece = self.text[self.position : stop]
        if end == -1:
            self.open_value(piece, stop)
            return
        self.value_text(piece)
        self.position = stop + len(quote)
        # The usual case needs no separate step for the character after the quote.
        is_separated = not quote or self.text[self.position : self.position + 1] in _SEPARATORS
        self.finish_attribute(state=at.IN_TAG if is_separated else at.SEPARATOR)

    def open_value(self, piece: str, stop: int) -> None:
        """A value whose end has not come yet: keep half a character reference for the next piece."""
        cut = None
        if self.context.kind != tables.PLAIN or self.is_decisive():
            cut = _CUT_REFERENCE.search(piece) or (
                _CUT_PERCENT.search(piece) if self.context.kind in tables.URL_KINDS else None
            )
        if cut is not None:
            self.value_text(piece[: cut.start()])
            self.position = stop - len(piece) + cut.start()
            self.wait()
            return
        self.value_text(piece)
        self.position = stop

    def is_decisive(self) -> bool:
        return self.context.attribute in tables.DECISIVE.get(self.context.element, ())

    def value_text(self, text: str) -> None:
        context = self.context
        if context.kind == tables.PLAIN and not self.is_decisive():
            return
        decoded = static_text(text)
        if (
            context.part == at.URL_START
            and tables.LOADED.get(context.element) == context.attribute
            and _HOST.match(decoded)
        ):
            self.context = context = context._replace(attributes=(at.ELSEWHERE, *context.attributes))
        if context.kind in tables.URL_KINDS and context.part == at.URL_START and _DOES_NOTHING.fullmatch(decoded):
            self.context = context = context._replace(part=at.URL_OPAQUE, value=at.FOREIGN_URL)
        elif context.kind in tables.URL_KINDS:
            part, value = after_url(context.part, context.value, decoded)
            self.context = context = context._replace(part=part, value=value)
        elif context.kind == tables.STYLE:
            part, return_part = after_css(context.part, context.return_part, decoded)
            self.context = context = context._replace(part=part, return_part=return_part)
        elif context.kind in {tables.SRCSET, tables.CSS, tables.SRCDOC} and text:
            self.context = context = context._replace(part="static")
        if self.is_decisive() and context.kind not in tables.URL_KINDS and context.value != at.DYNAMIC:
            self.context = context._replace(value=context.value + decoded)

    def finish_attribute(self, *, state: str = at.IN_TAG) -> None:
        """The attribute is complete; what follows it is not looked at here."""
        context = self.context
        if context.state == at.ATTRIBUTE_NAME and not context.kind:
            self.end_name()
            context = self.context
        value = ""
        if self.is_decisive():
            value = _form_action(context) if context.attribute == "action" else context.value
        pair = (context.attribute, value)
        others = [known for known in context.attributes if known[0] != pair[0]]
        attributes = tuple(sorted([*others, pair])) if others else (pair,)
        self.context = context._replace(
            state=state, attribute="", kind="", quote="", part="", return_part="", value="", attributes=attributes
        )

    # --- the end of a tag ---

    def end_tag(self, offset: int, *, is_self_closing: bool = False) -> None:
        context = self.context
        name = context.element
        self.position = offset + (2 if is_self_closing else 1)
        after = Context(foreign=context.foreign, in_select=context.in_select, form=context.form)
        if context.is_end_tag:
            self.context = self.close(name, after)
            return
        if name in tables.LOADED:
            self.note_integrity(offset, context)
        if name == "link" and _needs_nonce(context):
            self.insert(offset, INSERT_NONCE)
        is_html = not context.foreign or context.foreign[-1] in tables.INTEGRATION_POINTS
        if is_html:
            self.context = self.open_html(name, context, after, is_self_closing=is_self_closing)
        else:
            self.context = self.open_foreign(name, after, is_self_closing=is_self_closing)

    def note_integrity(self, offset: int, context: Context) -> None:
        """Note code of another host that nobody vouched for: who takes over that host has every page that loads it."""
        is_code = context.element == "script" or _needs_nonce(context)
        if is_code and at.ELSEWHERE in context.attributes and attribute_of(context, "integrity") is None:
            self.insert(offset, FOREIGN_CODE)

    def open_html(self, name: str, context: Context, after: Context, *, is_self_closing: bool) -> Context:
        if name in tables.REFUSED_ELEMENTS:
            raise self.refuse(f"<{name}> is obsolete, and browsers read the rest of the page in another way after it.")
        if name in tables.FOREIGN_ROOTS:
            if context.in_select:
                raise self.refuse(f"<{name}> inside <select>; some browsers drop the tag. Move it out.")
            return after if is_self_closing else after._replace(foreign=(*after.foreign, name))
        if name == "select":
            return after._replace(in_select=True)
        if name in tables.RAW_ELEMENTS:
            if context.in_select:
                raise self.refuse(
                    f"<{name}> inside <select>; browsers drop the tag and read its text as part of the page."
                )
            script = tables.script_kind(context) if name == "script" else ""
            return after._replace(
                state=at.RAW, element=name, script=script, part=at.JS_JOINED if script == "js" else ""
            )
        if name == "form":
            return after._replace(form=self.open_form(context))
        return after

    def open_form(self, context: Context) -> str:
        """Put the token first into a form that posts to this site."""
        method = attribute_of(context, "method")
        action = attribute_of(context, "action")
        if method is None or method.strip(_SPACE).lower() != "post":
            return ""
        if action in {None, "local"}:
            self.insert(self.position, INSERT_TOKEN)
            return at.FORM_PLACED
        if action == "whole":
            self.insert(self.position, INSERT_TOKEN, self.form_key)
            return self.form_key
        return ""

    def open_foreign(self, name: str, after: Context, *, is_self_closing: bool) -> Context:
        if name in tables.BREAKOUT or (name in tables.RAW_ELEMENTS and name not in {"title", "style", "script"}):
            raise self.refuse(
                f"<{name}> inside <{after.foreign[-1]}>; browsers end the svg or math there. Close it first."
            )
        if is_self_closing:
            if name in {"script", "style"}:
                raise self.refuse(f"<{name}/> inside an svg. Write its end tag.")
            return after
        if name in {"script", "style"}:
            return after._replace(state=at.RAW, element=name, script="data")
        return after._replace(foreign=(*after.foreign, name))

    def close(self, name: str, after: Context) -> Context:
        foreign = after.foreign
        if foreign:
            if name in {"script", "style"}:
                return after
            if foreign[-1] == name:
                return after._replace(foreign=foreign[:-1])
            if foreign[-1] not in tables.INTEGRATION_POINTS or name in foreign:
                raise self.refuse(
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


_STEPS: Final = {
    at.TEXT: _Reader.in_text,
    at.TAG_NAME: _Reader.in_tag_name,
    at.SEPARATOR: _Reader.in_separator,
    at.IN_TAG: _Reader.in_tag,
    at.ATTRIBUTE_NAME: _Reader.in_attribute_name,
    at.AFTER_NAME: _Reader.after_name,
    at.BEFORE_VALUE: _Reader.before_value,
    at.VALUE: _Reader.in_value,
    at.COMMENT: _Reader.in_comment,
    at.DECLARATION: _Reader.in_declaration,
    at.RAW: _Reader.in_raw,
}
