"""What visitors write is reduced to the list."""

import html5lib
import pytest

from fastness.html.environment import check_markup
from fastness.html.sanitiser import ARTICLE, STRICT, SanitiserRules, sanitise
from fastness.html.values import SafeHTML
from fastness.kernel.errors import ConfigError
from tests.html.oracle import SUFFIXES

ROWS = [
    pytest.param("<b>x</b>", STRICT, "<b>x</b>", id="emphasis"),
    pytest.param("<script>alert(1)</script>x", STRICT, "x", id="script and its text"),
    pytest.param("<b onclick=alert(1)>x</b>", STRICT, "<b>x</b>", id="event"),
    pytest.param('<a href="/x">x</a>', STRICT, "x", id="no links"),
    pytest.param('<a href="/x">x</a>', ARTICLE, '<a href="/x" rel="noopener noreferrer nofollow">x</a>', id="link"),
    pytest.param(
        '<a href="javascript:x">x</a>', ARTICLE, '<a rel="noopener noreferrer nofollow">x</a>', id="javascript:"
    ),
    pytest.param(
        '<a href="data:text/html,x">x</a>', ARTICLE, '<a rel="noopener noreferrer nofollow">x</a>', id="data:"
    ),
    pytest.param(
        '<a href="/x" rel="opener" id="y">x</a>',
        ARTICLE,
        '<a href="/x" rel="noopener noreferrer nofollow">x</a>',
        id="rel",
    ),
    pytest.param('<img src="/x.png" onerror=x style=y class=z>', ARTICLE, '<img src="/x.png">', id="picture"),
    pytest.param("<!-- x -->y", STRICT, "y", id="comment"),
    pytest.param("<b>x", STRICT, "<b>x</b>", id="left open"),
    pytest.param("<form><input name=x></form>", ARTICLE, "", id="form"),
    pytest.param("<svg><style><img src=x onerror=alert(1)></style></svg>", ARTICLE, '<img src="x">', id="svg"),
    pytest.param("<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>", ARTICLE, "", id="mutation"),
]


@pytest.mark.parametrize(("text", "rules", "expected"), ROWS)
def test_what_is_left(text, rules, expected):
    made = sanitise(text, rules)
    assert made == expected
    assert type(made) is SafeHTML


def test_what_is_left_is_on_the_list_and_ends_in_text():
    for text in SUFFIXES:
        made = sanitise(f"<p>{text}<a href='{text}' title=\"{text}\">{text}", ARTICLE)
        check_markup(made)
        names = {
            node.tag for node in html5lib.parse(made, namespaceHTMLElements=False).iter() if isinstance(node.tag, str)
        }
        assert names <= ARTICLE.elements | {"html", "head", "body", "tbody", "colgroup"}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"elements": frozenset({"script"})}, id="script"),
        pytest.param({"elements": frozenset({"iframe"})}, id="iframe"),
        pytest.param({"elements": frozenset({"p"}), "attributes": {"p": frozenset({"onclick"})}}, id="event"),
        pytest.param({"elements": frozenset({"p"}), "attributes": {"p": frozenset({"style"})}}, id="style"),
        pytest.param({"elements": frozenset({"a"}), "schemes": frozenset({"javascript"})}, id="scheme"),
    ],
)
def test_rules_that_would_open_it_are_refused(options):
    with pytest.raises(ConfigError):
        SanitiserRules(**options)
    SanitiserRules(
        elements=frozenset({"p", "a"}), attributes={"a": frozenset({"href"})}, schemes=frozenset({"https", "tel"})
    )
