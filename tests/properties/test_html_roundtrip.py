"""Values come back out of a page as they went in, and no text gets out of its place."""

import html
import json
import re
from urllib.parse import parse_qs, unquote, urlsplit

import jinja2
from hypothesis import example, given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from fastness.html import encoders
from fastness.html.environment import TemplateEnvironment

TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=60)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
ENVIRONMENT = TemplateEnvironment(
    loader=jinja2.DictLoader(
        {
            "text": "<!doctype html><body><p>{{ x }}</p>",
            "attribute": '<!doctype html><body><p title="{{ x }}">',
            "textarea": "<!doctype html><body><textarea>\n{{ x }}</textarea>",
            "json": '<!doctype html><body><script type="application/json">{{ x }}</script>',
            "query": '<!doctype html><body><a href="/p?a={{ x }}&amp;b=1">',
            "path": '<!doctype html><body><a href="/p/{{ x }}">',
            "url": '<!doctype html><body><a href="{{ x }}">',
            "string": '<!doctype html><body><script>"{{ x }}"</script>',
        }
    ),
    on_blocked=lambda _blocked: None,
)


def tree(name, value):
    return LexborHTMLParser(ENVIRONMENT.get_template(name).render(x=value))


@given(TEXT)
@example("</p><b>")
def test_text(value):
    assert tree("text", value).css_first("p").text() == value


@given(TEXT)
def test_attribute(value):
    assert tree("attribute", value).css_first("p").attributes["title"] == value or value == ""


@given(TEXT)
@example("\n")
@example("</textarea>")
def test_textarea(value):
    assert tree("textarea", value).css_first("textarea").text() == value


@given(JSON)
@example("</script><!--")
@example("\u2028")
def test_a_json_block(value):
    assert json.loads(tree("json", value).css_first("script").text()) == value


@given(TEXT)
@example("\\\"'</script>`${}")
def test_a_string_in_a_script(value):
    assert json.loads(tree("string", value).css_first("script").text()) == value


@given(TEXT)
def test_a_value_of_a_query(value):
    query = urlsplit(tree("query", value).css_first("a").attributes["href"]).query
    assert parse_qs(query, keep_blank_values=True) == {"a": [value], "b": ["1"]}


@given(TEXT)
@example("//evil.example")
@example("?a#b")
def test_a_piece_of_a_path(value):
    parts = urlsplit(tree("path", value).css_first("a").attributes["href"])
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert "%" in value or unquote(parts.path) == f"/p/{value}"


@given(st.one_of(TEXT, TEXT.map(lambda text: f"javascript:{text}"), TEXT.map(lambda text: f"{text}:alert(1)")))
@example("JAVA\tSCRIPT:x")
@example("\x01javascript:x")
def test_a_url_has_a_harmless_scheme(value):
    url = tree("url", value).css_first("a").attributes["href"] or ""
    scheme = re.match(r"([^/?#:]*):", url)
    assert scheme is None or scheme[1].lower() in {"http", "https", "mailto", "tel", "about"}


@given(TEXT)
def test_css_values_are_inert(value):
    text = encoders.css_text(value)
    assert text is None or not re.search(r"[<>\"'\\;{}:@*&]|url|expression", text, re.IGNORECASE)


@given(TEXT)
def test_json_is_inert_in_html(value):
    text = encoders.json_text([value])
    assert html.unescape(text) == text
    assert not re.search("[<>&'\u2028\u2029]", text)


@given(TEXT)
def test_strings_of_scripts_are_inert(value):
    assert re.fullmatch(r"(?:[A-Za-z0-9 _.,]|\\u[0-9a-f]{4}|[^\W\d_])*", encoders.js_string_text(value))
