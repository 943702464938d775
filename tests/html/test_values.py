"""Typed values: who may make them, and what they stay."""

import pickle

import jinja2
import pytest

from fastness.html.environment import TemplateEnvironment
from fastness.html.errors import UntypedAttributesError, UntypedURLError, ValueRefusedError
from fastness.html.sanitiser import sanitise
from fastness.html.values import Attrs, SafeHTML, TrustedURL
from fastness.kernel.because import Because

REASON = Because("written by the tests of this part")


def rendered(text, **values):
    return TemplateEnvironment(loader=jinja2.DictLoader({"main": text})).get_template("main").render(values)


def test_safe_html_needs_a_maker_and_a_reason():
    with pytest.raises(TypeError):
        SafeHTML("<b>")
    assert SafeHTML.insecure_from("<b>", because=REASON).because == REASON


def test_safe_html_is_html_in_text_and_text_elsewhere():
    value = SafeHTML.insecure_from('<b title="x">y</b>', because=REASON)
    assert rendered("{{ x }}", x=value) == '<b title="x">y</b>'
    assert rendered('<p title="{{ x }}">', x=value) == '<p title="y">'
    assert (
        rendered('<a href="{{ x }}">', x=SafeHTML.insecure_from("javascript:1", because=REASON))
        == '<a href="about:invalid#fastness-blocked">'
    )
    assert (
        rendered('<iframe srcdoc="{{ x }}">x</iframe>', x=value)
        == '<iframe srcdoc="&lt;b title=&#34;x&#34;&gt;y&lt;/b&gt;">x</iframe>'
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda value: value[:3], id="slice"),
        pytest.param(lambda value: value + "<", id="plus"),
        pytest.param(lambda value: value.replace("b", "i"), id="replace"),
        pytest.param(lambda value: f"{value}", id="format"),
        pytest.param(str, id="str"),
        pytest.param(lambda value: pickle.loads(pickle.dumps(value)), id="pickle"),  # noqa: S301 our own bytes
    ],
)
def test_what_is_made_from_safe_html_is_text(change):
    assert type(change(SafeHTML.insecure_from("<b>x</b>", because=REASON))) is str


PATHS = [
    pytest.param("/static/app.js", True, id="path"),
    pytest.param("/static/app.js?v=1", True, id="path and query"),
    pytest.param("//evil.example/x.js", False, id="host"),
    pytest.param("/\\evil.example/x.js", False, id="backslash"),
    pytest.param("https://evil.example/x.js", False, id="address"),
    pytest.param("javascript:alert(1)", False, id="scheme"),
    pytest.param("static/app.js", False, id="relative"),
    pytest.param("/static/../uploads/x.js", False, id="dot segments"),
    pytest.param("/static/%2e%2e/uploads/x.js", False, id="encoded dot segments"),
    pytest.param("/a\nb", False, id="newline"),
    pytest.param('/a"b', False, id="quote"),
]


@pytest.mark.parametrize(("path", "is_allowed"), PATHS)
def test_a_trusted_url_is_a_path_of_this_site(path, is_allowed):
    if is_allowed:
        assert rendered('<script src="{{ x }}"></script>', x=TrustedURL(path)) == f'<script src="{path}"></script>'
    else:
        with pytest.raises(UntypedURLError):
            TrustedURL(path)


@pytest.mark.asvs("V3.6.1")
def test_another_host_needs_a_reason():
    assert TrustedURL.insecure_from("https://cdn.example/x.js", because=REASON) == "https://cdn.example/x.js"
    for url in ("http://cdn.example/x.js", "https://cdn.example@evil.example/", "//cdn.example/x"):
        with pytest.raises(UntypedURLError):
            TrustedURL.insecure_from(url, because=REASON)


@pytest.mark.parametrize(
    "text",
    [
        '<script src="{{ x }}"></script>',
        '<iframe src="{{ x }}"></iframe>',
        '<link rel="stylesheet" href="{{ x }}">',
        '<link href="{{ x }}" rel="icon">',
        '<object data="{{ x }}"></object>',
        '<base href="{{ x }}">',
        '<svg><use href="{{ x }}"/></svg>',
    ],
)
def test_an_address_of_code_has_its_own_type(text):
    with pytest.raises(UntypedURLError):
        rendered(text, x="/static/app.js")
    with pytest.raises(UntypedURLError):
        rendered(text, x=TrustedURL("/static/app.js") + "?x")
    assert "/static/app.js" in rendered(text, x=TrustedURL("/static/app.js"))


ATTRS = [
    pytest.param(
        "<p {{ x }}>", Attrs(class_="a", aria_label='"b"'), '<p class="a" aria-label="&#34;b&#34;">', id="plain"
    ),
    pytest.param("<input {{ x }}>", Attrs(checked=True, disabled=False, value=None), "<input checked>", id="booleans"),
    pytest.param("<a {{ x }}>", Attrs(href="javascript:1"), '<a href="about:invalid#fastness-blocked">', id="URL"),
    pytest.param(
        '<p id="y" {{ x }} title="z">', Attrs({"data-x": 1}), '<p id="y" data-x="1" title="z">', id="between others"
    ),
    pytest.param(
        "<script {{ x }}></script>", Attrs(src=TrustedURL("/x.js")), '<script src="/x.js"></script>', id="trusted URL"
    ),
    pytest.param(
        "<form method=post {{ x }}>",
        Attrs(action="/"),
        '<form method=post action="/">',
        id="a form whose action is not seen",
    ),
    pytest.param("<p {{ x }}>", Attrs(), "<p >", id="nothing"),
    pytest.param("<p {{ x }}>", "hidden", "<p hidden>", id="a boolean attribute's name"),
    pytest.param("<p {{ x }}>", "", "<p >", id="empty text"),
]


@pytest.mark.parametrize(("text", "value", "expected"), ATTRS)
def test_attrs(text, value, expected):
    assert rendered(text, x=value) == expected


REFUSED = [
    pytest.param("<p {{ x }}>", Attrs(onclick="x"), id="event"),
    pytest.param("<p {{ x }}>", Attrs(style="x"), id="style"),
    pytest.param("<p {{ x }}>", Attrs(nonce="x"), id="nonce"),
    pytest.param("<p {{ x }}>", Attrs({"x-data": "x"}), id="framework"),
    pytest.param("<script {{ x }}></script>", Attrs(src="/x.js"), id="untyped address of a script"),
    pytest.param("<script {{ x }}></script>", Attrs(type="text/plain"), id="type of a script"),
    pytest.param("<form {{ x }}>", Attrs(method="post"), id="method of a form"),
    pytest.param("<meta {{ x }}>", Attrs({"http-equiv": "refresh"}), id="http-equiv"),
    pytest.param("<iframe {{ x }}></iframe>", Attrs(srcdoc="x"), id="srcdoc"),
    pytest.param('<p class="a" {{ x }}>', Attrs(class_="b"), id="twice"),
    pytest.param("<p {{ x }}>", "onclick=x", id="text"),
    pytest.param("{{ x }}", Attrs(a="b"), id="outside of a tag"),
]


@pytest.mark.parametrize(("text", "value"), REFUSED)
def test_attrs_refuse_what_decides(text, value):
    with pytest.raises((UntypedAttributesError, UntypedURLError)):
        rendered(text, x=value)


@pytest.mark.parametrize("name", ["a b", "a>", "@click", "a=", "", "ä"])
def test_names_of_attributes(name):
    with pytest.raises(UntypedAttributesError):
        Attrs({name: "x"})


def test_what_the_sanitiser_made_is_written_as_it_is():
    assert rendered("{{ x }}", x=sanitise("<b>x</b><script>y</script>")) == "<b>x</b>"


PAIR = '<p id="a" {{ n }}="{{ v }}">'


@pytest.mark.parametrize(
    ("text", "name", "value", "expected"),
    [
        pytest.param(PAIR, "title", '"x" onclick=1', '<p id="a"  title="&#34;x&#34; onclick=1">', id="plain"),
        pytest.param(PAIR, "DATA-X", None, '<p id="a"  data-x="">', id="case-and-nothing"),
        pytest.param("<a {{ n }}='{{ v }}'>", "href", "javascript:1", '<a  href="about:invalid#fastness-blocked">', id="URL"),
        pytest.param('<p class="a"{{ n }}="{{ v }}">', "title", "x", '<p class="a" title="x">', id="no-space-before"),
        pytest.param(
            '<p{% for i in [1, 2] %} {% endfor %}{{ n }}="{{ v }}" lang=de>', "title", "x", '<p   title="x" lang=de>', id="loop"
        ),
    ],
)  # fmt: skip
def test_an_attribute_by_name(text, name, value, expected):
    assert rendered(text, n=name, v=value) == expected


def test_attributes_by_name_in_a_loop_are_kept_apart():
    text = '<p {% for n, v in x %}{{ n }}="{{ v }}"{% endfor %}>'
    assert rendered(text, x=[("title", "a"), ("lang", "b")]) == '<p  title="a" lang="b">'


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param(PAIR, "onclick", id="event"),
        pytest.param(PAIR, "x onclick=alert(1) y", id="several"),
        pytest.param(PAIR, "title=1 onclick", id="equals"),
        pytest.param(PAIR, "a>", id="end-of-the-tag"),
        pytest.param(PAIR, "", id="nothing"),
        pytest.param(PAIR, None, id="none"),
        pytest.param(PAIR, "id", id="twice"),
        pytest.param(PAIR, "style", id="style"),
        pytest.param(PAIR, "x-data", id="framework"),
        pytest.param(PAIR, "title\n", id="line-end"),
        pytest.param('<script {{ n }}="{{ v }}"></script>', "src", id="script"),
        pytest.param('<form {{ n }}="{{ v }}"></form>', "method", id="form"),
        pytest.param('<meta {{ n }}="{{ v }}">', "content", id="meta"),
        pytest.param('<iframe {{ n }}="{{ v }}"></iframe>', "srcdoc", id="srcdoc"),
    ],
)
def test_a_name_that_may_not_come_at_run_time(text, name):
    with pytest.raises(ValueRefusedError):
        rendered(text, n=name, v="x")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("2026-11-22 12:00, v1.2", "2026-11-22 12:00, v1.2", id="as-it-is"),
        pytest.param("--><script>", "    script ", id="end"),
        pytest.param("--!>", "    ", id="other-end"),
        pytest.param("a--b-c-", "a  b-c ", id="hyphens"),
        pytest.param("", " ", id="nothing"),
        pytest.param(None, " ", id="none"),
        pytest.param("[if IE]", " if IE ", id="condition"),
        pytest.param("#include", " include", id="directive"),
        pytest.param("é漢", "é漢", id="letters"),
    ],
)
def test_a_comment(value, expected):
    assert rendered("<!-- {{ x }}-->", x=value) == f"<!-- {expected}-->"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("/a.png?x=1&y=2", "/a.png?x=1\\26 y=2", id="path"),
        pytest.param("data:image/png;base64,AA==", "data:image/png;base64,AA==", id="picture"),
        pytest.param("javascript:alert(1)", "about:invalid#fastness-blocked", id="code"),
        pytest.param("data:text/html,x", "about:invalid#fastness-blocked", id="document"),
        pytest.param("/a');}b{", "/a%27%29;%7Db%7B", id="end-of-the-value"),
        pytest.param("/a\\0022", "/a%5C0022", id="escape"),
        pytest.param("/a b\n/*", "/a%20b/*", id="space-and-comment"),
    ],
)
@pytest.mark.parametrize(
    "frame",
    ["<p style=\"background: url('{}')\">", "<p style='background: url({})'>", '<style>p {{ mask: url( "{}" ) }}</style>'],
)  # fmt: skip
def test_a_url_in_css(frame, value, expected):
    assert rendered(frame.format("{{ x }}"), x=value) == frame.format(expected)
