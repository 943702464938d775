"""Where in a page a piece of template text ends: the tracker's whole memory, as one immutable value.

A `Context` is compared with `==`, is a key of dictionaries, and is written into compiled templates as a tuple: all of its
fields are plain text, numbers and tuples. The names of states follow the HTML standard's tokenizer (13.2.5); `pending` holds
the start of a token that the end of the text cut, so that no state is needed for half a comment opener or half an end tag.
"""

from typing import Final, NamedTuple

# States of the tokenizer.
TEXT: Final = "text"
TAG_NAME: Final = "tag name"
SEPARATOR: Final = "needs separator"  # a name or value may have ended here: only space, / or > may follow
IN_TAG: Final = "in tag"
ATTRIBUTE_NAME: Final = "attribute name"
AFTER_NAME: Final = "after attribute name"
BEFORE_VALUE: Final = "before attribute value"
VALUE: Final = "attribute value"
COMMENT: Final = "comment"
DECLARATION: Final = "doctype"
RAW: Final = "raw text"

TAG_STATES: Final = frozenset({TAG_NAME, SEPARATOR, IN_TAG, ATTRIBUTE_NAME, AFTER_NAME})

# Parts of a URL (the field `part` in a URL attribute).
URL_START: Final = ""
URL_SCHEME: Final = "scheme or path"  # letters that may still turn out to be a scheme
URL_ROOT: Final = "root"  # slashes only: another slash would begin a host
URL_AUTHORITY: Final = "host"
URL_PATH: Final = "path"
URL_QUERY: Final = "query"
URL_FRAGMENT: Final = "fragment"
URL_DYNAMIC: Final = "dynamic"  # an expression began the URL
URL_OPAQUE: Final = "data"  # a static data: URL
URL_AMBIGUOUS: Final = "ambiguous"

# What the field `value` of a URL remembers for a form's token.
FOREIGN_URL: Final = "\0elsewhere"
WHOLE_URL: Final = "\0whole"  # one expression is all of the URL, but for a query or fragment

# Parts of a script (`part` in a script element).
JS_VALUE: Final = ""  # a value may stand here
JS_JOINED: Final = "code"  # code, but a value would join what stands before it
JS_DOUBLE: Final = "double-quoted string"
JS_SINGLE: Final = "single-quoted string"
JS_LINE_COMMENT: Final = "line comment"
JS_BLOCK_COMMENT: Final = "block comment"
JS_UNSUPPORTED: Final = "unsupported"

# Parts of a style (`part` in a style element or attribute).
CSS_NAME: Final = ""  # a selector, at-rule or property name
CSS_AT: Final = "at-rule"
CSS_VALUE: Final = "value"
CSS_VALUE_JOINED: Final = "value, joined"
CSS_URL: Final = "url()"
# Straight after the opening of a url(…), and after the one expression in it: by the quote that has to close it.
CSS_URL_STARTS: Final = {"": "start of url()", '"': "start of double-quoted url()", "'": "start of single-quoted url()"}
CSS_URL_ENDS: Final = {"": "end of url()", '"': "end of double-quoted url()", "'": "end of single-quoted url()"}
CSS_URL_AFTER: Final = {start: CSS_URL_ENDS[quote] for quote, start in CSS_URL_STARTS.items()}
CSS_DOUBLE: Final = "double-quoted string"
CSS_SINGLE: Final = "single-quoted string"
CSS_COMMENT: Final = "comment"

# What a dynamic or uncertain static value of an attribute is recorded as.
DYNAMIC: Final = "\0dynamic"
MAYBE: Final = "\0maybe"
ELSEWHERE: Final = ("\0elsewhere", "")  # among the attributes of a tag whose code is loaded from another host
ANY_NAME: Final = "*"  # an attribute whose name is known at run time only

FORM_PLACED: Final = "placed"


class Context(NamedTuple):
    """One point in a page. The default is HTML text."""

    state: str = TEXT
    element: str = ""  # whose tag or raw text this is
    is_end_tag: bool = False
    attribute: str = ""  # whose name or value this is
    kind: str = ""  # what the attribute's value is (tables.py)
    quote: str = ""
    part: str = ""  # within a URL, script or style
    return_part: str = ""  # where a CSS string or comment began
    value: str = ""  # static text of a value that something later depends on
    attributes: tuple[tuple[str, str], ...] = ()  # of this tag so far
    foreign: tuple[str, ...] = ()  # open elements in svg and math, outermost first
    in_select: bool = False
    script: str = ""  # "js", "json", "data" of an open script element
    form: str = ""  # FORM_PLACED, or the key of a form whose action is known at run time
    pending: str = ""


def attribute_of(context: Context, name: str) -> str | None:
    """The static value of an attribute of this tag; DYNAMIC or MAYBE where it is not known, None where it is absent."""
    found: str | None = None
    for known, value in context.attributes:
        if known == name:
            return value
        if known == ANY_NAME:
            found = MAYBE
    return found


def describe(context: Context) -> str:
    """The place in words, for a person who reads an error."""
    return _WORDS[context.state](context)


def _in_value(context: Context) -> str:
    part = f" ({context.part})" if context.part and context.kind != "plain" else ""
    quoting = "" if context.quote else "unquoted "
    return f"the {quoting}value of {context.attribute} in <{context.element}>{part}"


def _in_raw(context: Context) -> str:
    if context.part:
        return f"<{context.element}> ({context.part})"
    return f"<{context.element}>"


def _in_tag(context: Context) -> str:
    return f"the tag <{context.element}>"


_WORDS: Final = {
    TEXT: lambda context: f"text inside <{context.foreign[-1]}>" if context.foreign else "HTML text",
    TAG_NAME: lambda context: f"the tag name <{context.element}",
    SEPARATOR: _in_tag,
    IN_TAG: _in_tag,
    ATTRIBUTE_NAME: lambda context: f"the attribute name {context.attribute} in <{context.element}>",
    AFTER_NAME: _in_tag,
    BEFORE_VALUE: lambda context: f"the start of the unquoted value of {context.attribute} in <{context.element}>",
    VALUE: _in_value,
    COMMENT: lambda _context: "an HTML comment",
    DECLARATION: lambda _context: "the doctype",
    RAW: _in_raw,
}
