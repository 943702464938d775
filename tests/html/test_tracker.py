"""Where static text ends, and which static text is refused. Each refused row stands beside one that passes."""

import json

import pytest

from fastness.html import contexts as at
from fastness.html.contexts import Context
from fastness.html.errors import (
    CodeAttributeError,
    ExpressionPlaceError,
    MarkupRefusedError,
    NonceByHandError,
    ScriptPlaceError,
    TemplateRefusedError,
    URLPlaceError,
)
from fastness.html.tracker import advance
from tests.html import test_tokenizer_vectors as vectors

ENDS = [
    pytest.param("<p>x</p>", {"state": at.TEXT}, id="text"),
    pytest.param("a < b", {"state": at.TEXT, "pending": ""}, id="a lone less-than is text"),
    pytest.param("<", {"pending": "<"}, id="half a tag"),
    pytest.param("</scr", {"state": at.TAG_NAME, "is_end_tag": True}, id="half an end tag"),
    pytest.param("<!-", {"pending": "<!-"}, id="half a comment opener"),
    pytest.param("<!-- x -", {"state": at.COMMENT, "pending": "-"}, id="half a comment end"),
    pytest.param("<!-- --!> x", {"state": at.TEXT}, id="--!> ends a comment"),
    pytest.param("<!doctype html>", {"state": at.TEXT}, id="doctype"),
    pytest.param("<INPUT", {"state": at.TAG_NAME, "element": "input"}, id="tag name, lower case"),
    pytest.param("<input checked", {"state": at.ATTRIBUTE_NAME, "attribute": "checked"}, id="attribute name"),
    pytest.param('<input a="b"', {"state": at.SEPARATOR}, id="after a quoted value"),
    pytest.param("<p title=", {"state": at.BEFORE_VALUE}, id="before a value"),
    pytest.param("<p title='x", {"state": at.VALUE, "quote": "'", "kind": "plain"}, id="single-quoted value"),
    pytest.param("<p title=x", {"state": at.VALUE, "quote": ""}, id="unquoted value"),
    pytest.param(
        "<textarea>x</textareax", {"state": at.RAW, "element": "textarea"}, id="a longer end tag ends nothing"
    ),
    pytest.param("<textarea>x</TEXTAREA >", {"state": at.TEXT}, id="an end tag in capitals with a space"),
    pytest.param("<title>x</titl", {"state": at.RAW, "pending": "</titl"}, id="half a raw end tag"),
    pytest.param("<svg><g>", {"foreign": ("svg", "g")}, id="foreign elements are counted"),
    pytest.param("<svg><path/></svg>", {"foreign": ()}, id="a closed svg"),
    pytest.param("<svg><title>x", {"state": at.TEXT, "foreign": ("svg", "title")}, id="title in svg is no raw text"),
    pytest.param("<svg><foreignObject><div>", {"foreign": ("svg", "foreignobject")}, id="html inside foreignObject"),
    pytest.param("<select><option>", {"in_select": True}, id="select"),
    pytest.param('<a href="', {"kind": "url", "part": at.URL_START}, id="start of a URL"),
    pytest.param('<a href=" &#47;', {"part": at.URL_ROOT}, id="a slash by reference, after a space"),
    pytest.param('<a href="/x', {"part": at.URL_PATH}, id="path"),
    pytest.param('<a href="//x', {"part": at.URL_AUTHORITY}, id="host"),
    pytest.param('<a href="https://x/', {"part": at.URL_ROOT}, id="host and slash"),
    pytest.param('<a href="/x?y=', {"part": at.URL_QUERY}, id="query"),
    pytest.param('<a href="#', {"part": at.URL_FRAGMENT}, id="fragment"),
    pytest.param('<a href="java', {"part": at.URL_SCHEME}, id="letters that may be a scheme"),
    pytest.param('<a href="/x&#4', {"pending": "&#4"}, id="half a character reference"),
    pytest.param('<a href="/x%2', {"pending": "%2"}, id="half a percent escape"),
    pytest.param("<script>var a = ", {"script": "js", "part": at.JS_VALUE}, id="script, value"),
    pytest.param("<script>f(", {"part": at.JS_VALUE}, id="script, argument"),
    pytest.param("<script>x; return ", {"part": at.JS_VALUE}, id="script, return"),
    pytest.param("<script>doreturn ", {"part": at.JS_JOINED}, id="script, a name that ends in return"),
    pytest.param("<script>a => ", {"part": at.JS_JOINED}, id="script, an arrow takes a block"),
    pytest.param("<script>", {"part": at.JS_JOINED}, id="script, nothing yet"),
    pytest.param('<script>a = "x', {"part": at.JS_DOUBLE}, id="script, string"),
    pytest.param('<script>a = "x\\"', {"part": at.JS_DOUBLE}, id="script, escaped quote"),
    pytest.param("<script>// 'x", {"part": at.JS_LINE_COMMENT}, id="script, a quote in a comment"),
    pytest.param('<script>/* " */ a =', {"part": at.JS_VALUE}, id="script, after a comment"),
    pytest.param("<script>a = `", {"part": at.JS_UNSUPPORTED}, id="script, template literal"),
    pytest.param("<script>a = b / c; d =", {"part": at.JS_UNSUPPORTED}, id="script, division or regular expression"),
    pytest.param('<script>a = "\n', {"part": at.JS_UNSUPPORTED}, id="script, a string that is not closed"),
    pytest.param('<script type="">a = ', {"script": "js"}, id="an empty type is JavaScript"),
    pytest.param('<script type=" Text/JavaScript ">a = ', {"script": "js"}, id="a type with spaces and capitals"),
    pytest.param('<script type="application/ld+json">', {"script": "json", "part": at.JS_VALUE}, id="JSON block"),
    pytest.param('<script type="text/html">', {"script": "data"}, id="an unknown type"),
    pytest.param("<style>p { width: ", {"part": at.CSS_VALUE}, id="style, value"),
    pytest.param("<style>p { width: -", {"part": at.CSS_VALUE_JOINED}, id="style, joined"),
    pytest.param("<style>p { background: url(/x", {"part": at.CSS_URL}, id="style, url"),
    pytest.param("<style>p { background: url( ", {"part": at.CSS_URL_STARTS[""]}, id="style, start of a url"),
    pytest.param(
        "<style>p { background: url('",
        {"part": at.CSS_URL_STARTS["'"], "return_part": at.CSS_VALUE},
        id="style, quoted url",
    ),
    pytest.param("<style>p { background: src('", {"part": at.CSS_URL}, id="style, src"),
    pytest.param("<style>p { background: -url('", {"part": at.CSS_URL}, id="style, another function"),
    pytest.param('<style>p { content: "', {"part": at.CSS_DOUBLE}, id="style, string"),
    pytest.param("<style>@media (x: ", {"part": at.CSS_AT}, id="style, at-rule"),
    pytest.param("<style>p", {"part": at.CSS_NAME}, id="style, selector"),
]


@pytest.mark.parametrize(("text", "expected"), ENDS)
def test_where_text_ends(text, expected):
    context, _ = advance(Context(), text, form_key="f")
    assert {name: getattr(context, name) for name in expected} == expected


REFUSED = [
    pytest.param("<?php", MarkupRefusedError, "<p>php", id="processing instruction"),
    pytest.param("</ p>", MarkupRefusedError, "</p >", id="space after the slash"),
    pytest.param("<!x>", MarkupRefusedError, "<!doctype x>", id="bogus comment"),
    pytest.param("<!-->", MarkupRefusedError, "<!-- -->", id="comment that ends where it begins"),
    pytest.param("<![CDATA[x]]>", MarkupRefusedError, "x", id="CDATA"),
    pytest.param("<p\x00>", MarkupRefusedError, "<p>", id="NUL"),
    pytest.param('<p"x>', MarkupRefusedError, "<p-x>", id="quote in a tag name"),
    pytest.param('<p a"b>', MarkupRefusedError, "<p ab>", id="quote in an attribute name"),
    pytest.param("<p <b>", MarkupRefusedError, "<p ><b>", id="less-than in an attribute name"),
    pytest.param("<p =x>", MarkupRefusedError, "<p a=x>", id="equals first"),
    pytest.param('<p a="b"c="d">', MarkupRefusedError, '<p a="b" c="d">', id="no space between attributes"),
    pytest.param("<p a=b`c>", MarkupRefusedError, "<p a=bc>", id="backtick in an unquoted value"),
    pytest.param("<p a=>", MarkupRefusedError, '<p a="">', id="no value"),
    pytest.param("<p a=1 A=2>", MarkupRefusedError, "<p a=1 b=2>", id="an attribute twice"),
    pytest.param("<p / a>", MarkupRefusedError, "<p a />", id="slash inside a tag"),
    pytest.param("</p a>", MarkupRefusedError, "</p>", id="attribute in an end tag"),
    pytest.param("</p/>", MarkupRefusedError, "<p/>", id="self-closing end tag"),
    pytest.param("<plaintext>", MarkupRefusedError, "<pre>", id="plaintext"),
    pytest.param("<svg><div>", MarkupRefusedError, "<svg><g>", id="svg left open by an HTML tag"),
    pytest.param("<svg></p>", MarkupRefusedError, "<svg></svg>", id="svg left by an end tag"),
    pytest.param("<svg><g></svg>", MarkupRefusedError, "<svg><g></g></svg>", id="misnested svg"),
    pytest.param("<svg><style><b", MarkupRefusedError, "<svg><style>b", id="a tag in the style of an svg"),
    pytest.param("<svg><textarea>", MarkupRefusedError, "<svg><title>", id="raw element in svg"),
    pytest.param("<select><textarea>", MarkupRefusedError, "<select><option>", id="raw element in select"),
    pytest.param("<select><svg>", MarkupRefusedError, "<svg>", id="svg in select"),
    pytest.param('<a href="javascript:x">', URLPlaceError, '<a href="https:x">', id="javascript: in the template"),
    pytest.param(
        '<a href="java&#10;script&colon;x">', URLPlaceError, '<a href="javascript/x">', id="javascript: in disguise"
    ),
    pytest.param(
        '<a href="javascript:void(1)">',
        URLPlaceError,
        '<a href="javascript:void(0)">',
        id="javascript: that does nothing",
    ),
    pytest.param("<p onclick=x>", CodeAttributeError, "<p data-onclick=x>", id="event handler"),
    pytest.param("<script nonce=x>", NonceByHandError, "<script async>", id="nonce by hand"),
    pytest.param("<script>a = '<!--'", ScriptPlaceError, "<script>a = '\\x3c!--'", id="comment opener in a script"),
    pytest.param("<script>a = '<script'", ScriptPlaceError, "<script>a = '<b'", id="script tag in a script"),
    pytest.param("<script>a = '\\", ScriptPlaceError, "<script>a = '\\\\", id="cut escape in a script"),
    pytest.param("<script>/* *", ScriptPlaceError, "<script>/* ", id="cut end of a comment in a script"),
]


@pytest.mark.parametrize(("text", "error", "neighbour"), REFUSED)
def test_what_is_refused(text, error, neighbour):
    with pytest.raises(TemplateRefusedError) as caught:
        advance(Context(), text)
    assert type(caught.value) is error
    advance(Context(), neighbour)


def test_content_beside_http_equiv_is_refused_in_either_order():
    with pytest.raises(ExpressionPlaceError):
        advance(
            Context(state=at.IN_TAG, element="meta", attributes=(("content", at.DYNAMIC),)), 'http-equiv="refresh">'
        )
    advance(Context(state=at.IN_TAG, element="meta", attributes=(("content", "x"),)), 'http-equiv="refresh">')


INPUTS: list[str] = sorted({
    vectors.double_unescaped(case)["input"]
    for file in vectors.FILES
    if file.stem not in {"namedEntities", "numericEntities"}
    for case, state in vectors.cases(file)
    if state == "Data state"
} | {str(row.values[0]) for row in ENDS})  # fmt: skip


def test_text_may_be_cut_anywhere():
    """The context after a text does not depend on the pieces in which it came; a piece may be refused."""
    for text in INPUTS:
        try:
            whole = advance(Context(), text)[0]
        except TemplateRefusedError:
            continue
        for cut in range(1, len(text)):
            try:
                first, _ = advance(Context(), text[:cut])
                second, _ = advance(first, text[cut:])
            except TemplateRefusedError:
                continue  # a cut escape; refusing is always allowed
            if (second.state, second.part) != (whole.state, whole.part):
                assert second.part in {at.JS_UNSUPPORTED, at.JS_JOINED, at.CSS_URL}, (text, cut, first, second, whole)
            else:
                assert second == whole, json.dumps([text, cut])
