"""The list that `fastness check` prints of an app's templates."""

import jinja2
import pytest

from fastness.html import inventory
from fastness.html.environment import TemplateEnvironment, TemplateRules
from fastness.html.errors import TemplateRefusedError
from fastness.kernel.because import Because

REASON = Because("written by the tests of this part")
TEMPLATES = {
    "a.html": "<p>{{ x }}</p>",
    "b.html": "\n<p onclick='{{ x }}'>",
    "c.html": "{{ x|safe }}",
    "d.html": "{% if x %",
    "e.html": '<a title="{% include "g.html" %}">',
    "f.html": '{% extends "nowhere.html" %}',
    "g.html": "<b>{{ x }}</b>",
    "old/h.html": "<p a={{ x }}>",
    "i.txt": "<p a={{ x }}>",
    "j.html": "<p onclick='f()'>\n{{ x }}</p>",
    "k.html": "{{ x }}",
    "done/l.html": "{{ x }}",
}
RULES = TemplateRules(
    insecure_safe={"c.html": REASON, "k.html": REASON},
    insecure_migration={"old/": REASON, "done/": REASON},
    insecure_events={"gone.html": REASON, "j.html": REASON},
)


def test_every_template_is_judged():
    made = TemplateEnvironment(loader=jinja2.DictLoader(TEMPLATES), rules=RULES)
    found = {(each.kind, each.template, each.line) for each in inventory.inspect(made)}
    assert found == {
        (inventory.REFUSED, "b.html", 2),
        (inventory.SAFE_FILTER, "c.html", 1),
        (inventory.BROKEN, "d.html", 1),
        (inventory.BROKEN, "f.html", 1),
        (inventory.EVENTS, "j.html", 1),
        (inventory.MIGRATING, "old/h.html", 1),
        (inventory.NEEDLESS, "done/", 0),
        (inventory.NEEDLESS, "gone.html", 0),
        (inventory.NEEDLESS, "k.html", 0),
    }


def test_an_included_template_is_compiled_for_its_place():
    templates = {"main.html": '<a href="{% include "part.html" %}">', "part.html": "x{{ y }}{{ y }}"}
    found = inventory.inspect(TemplateEnvironment(loader=jinja2.DictLoader(templates)))
    assert [(each.template, each.code) for each in found] == [("part.html", "template_url")]
    templates["main.html"] = '<a title="{% include "part.html" %}">'
    assert inventory.inspect(TemplateEnvironment(loader=jinja2.DictLoader(templates))) == []


PART = "x{{ y }}{{ y }}"  # refused where an address begins


@pytest.mark.parametrize(
    ("templates", "place"),
    [
        pytest.param({"main.html": '<a href="{% include "part.html" %}">'}, "main.html", id="include"),
        pytest.param(
            {"main.html": '<a href="{% include "mid.html" %}">', "mid.html": '{% include "part.html" %}'},
            "mid.html",
            id="include-in-an-include",
        ),
        pytest.param(
            {"main.html": '<a href="{% include ["no.html", "part.html"] %}">'}, "main.html", id="first-of-a-list"
        ),
        pytest.param(
            {"main.html": '<a href="{% include "part.html" if x else "ok.html" %}">', "ok.html": "/"},
            "main.html",
            id="one-of-two",
        ),
        pytest.param(
            {"base.html": '<a href="{% block to %}{% endblock %}">', "main.html": '{% extends "base.html" %}'
             '{% block to %}{% include "part.html" %}{% endblock %}'},
            "main.html",
            id="include-in-an-inherited-block",
        ),
        pytest.param(
            {"main.html": '{% macro m() %}<a href="{% include "part.html" %}"></a>{% endmacro %}'}, "main.html", id="macro"
        ),
    ],
)  # fmt: skip
def test_a_template_is_compiled_for_each_place_where_it_is_named(templates, place):
    made = TemplateEnvironment(loader=jinja2.DictLoader({**templates, "part.html": PART}))
    (found,) = inventory.inspect(made)
    assert (found.template, found.code) == ("part.html", "template_url")
    assert found.text.startswith(f"included in {place}: ")
    with pytest.raises(TemplateRefusedError) as caught:
        inventory.precompile(made)
    assert (caught.value.template, caught.value.code) == ("part.html", "template_url")


def test_an_include_that_may_be_missing_is_no_finding():
    made = TemplateEnvironment(loader=jinja2.DictLoader({"a.html": '{% include "b.html" ignore missing %}'}))
    assert inventory.inspect(made) == []
    assert inventory.precompile(made) == 1


def test_a_migrating_template_may_be_included_where_it_would_be_refused():
    templates = {"main.html": '<a href="{% include "old/part.html" %}">', "old/part.html": PART}
    rules = TemplateRules(insecure_migration={"old/": REASON})
    made = TemplateEnvironment(loader=jinja2.DictLoader(templates), rules=rules)
    assert [each.kind for each in inventory.inspect(made)] == [inventory.MIGRATING]
    assert inventory.precompile(made) == 3


def test_findings_name_files(tmp_path):
    (tmp_path / "a.html").write_text("<p\na={{ x }}>")
    (found,) = inventory.inspect(TemplateEnvironment([tmp_path]))
    assert (found.file, found.line) == (str(tmp_path / "a.html"), 2)


@pytest.mark.parametrize(
    ("templates", "code"),
    [
        pytest.param({"a.html": "<{{ x }}"}, "template_place", id="refused"),
        pytest.param({"a.html": "{% if x %"}, "template_broken", id="syntax"),
        pytest.param({"a.html": '{% extends "no.html" %}'}, "template_broken", id="no-parent"),
        pytest.param({"a.html": "{{ x|nofilter }}"}, "template_broken", id="no-filter"),
        pytest.param({"a.html": "{{ x }}", "b.txt": "<{{ x }}"}, None, id="another-ending"),
        pytest.param(
            {"a.html": '{% import "b.txt" as b %}', "b.txt": "{% macro m() %}<{{ x }}{% endmacro %}"},
            "template_place",
            id="another-ending-that-is-imported",
        ),
    ],
)
def test_templates_are_compiled_at_start(templates, code):
    made = TemplateEnvironment(loader=jinja2.DictLoader(templates))
    if code is None:
        assert inventory.precompile(made) == 1
        assert inventory.inspect(made) == []
        return
    with pytest.raises(TemplateRefusedError) as caught:
        inventory.precompile(made)
    assert caught.value.code == code
    assert caught.value.line == 1
    assert [each.code for each in inventory.inspect(made)] == [code]


def test_what_a_template_names_is_known_of_compiled_files_too(tmp_path):
    (tmp_path / "main.html").write_text('<a href="{% include "part.html" %}">')
    (tmp_path / "part.html").write_text("/x")
    for _ in range(2):
        made = TemplateEnvironment([tmp_path], keeps_bytecode=True)
        assert inventory.precompile(made, ["main.html"]) == 2


HASH = ' integrity="sha384-x" crossorigin="anonymous"'


def looked_at(text):
    return inventory.inspect(TemplateEnvironment(loader=jinja2.DictLoader({"main.html": text})))


@pytest.mark.asvs("V3.6.1")
@pytest.mark.parametrize(
    ("text", "is_allowed"),
    [
        pytest.param('<script src="https://cdn.example/x.js"></script>', False, id="script"),
        pytest.param(f'<script src="https://cdn.example/x.js"{HASH}></script>', True, id="script-with-its-hash"),
        pytest.param(f'<script{HASH} src="https://cdn.example/x.js"></script>', True, id="hash-first"),
        pytest.param("<script src=//cdn.example/x.js></script>", False, id="without-scheme"),
        pytest.param('<script src="HTTPS:\\\\cdn.example/x.js"></script>', False, id="backslashes"),
        pytest.param('<script src="&#104;ttps://cdn.example/x.js"></script>', False, id="character-reference"),
        pytest.param('<script src="/x.js"></script>', True, id="own-script"),
        pytest.param('<script src="x.js?a=//b"></script>', True, id="own-script-with-a-query"),
        pytest.param('<link rel="stylesheet" href="https://cdn.example/x.css">', False, id="styles"),
        pytest.param('<link href="https://cdn.example/x.css" rel="stylesheet">', False, id="styles-address-first"),
        pytest.param(
            f'<link rel="stylesheet" href="https://cdn.example/x.css"{HASH}>', True, id="styles-with-their-hash"
        ),
        pytest.param('<link rel="modulepreload" href="https://cdn.example/x.js">', False, id="module"),
        pytest.param('<link rel="preload" as="script" href="https://cdn.example/x.js">', False, id="preloaded-script"),
        pytest.param('<link rel="icon" href="https://cdn.example/x.png">', True, id="icon-is-no-code"),
        pytest.param('<a href="https://cdn.example/x.js"></a>', True, id="link-that-is-clicked"),
    ],
)
def test_code_of_another_host_has_a_hash(text, is_allowed):
    look = looked_at(f"<p>\n{text}")
    assert [(one.kind, one.line) for one in look] == ([] if is_allowed else [(inventory.FOREIGN_CODE, 2)])


def test_the_page_is_written_as_it_stands():
    text = '<p>\n<script src="https://cdn.example/x.js"></script>\n<b>'
    made = TemplateEnvironment(loader=jinja2.DictLoader({"main": text}))
    assert made.get_template("main").render() == text


def test_a_branch_may_be_the_hash_and_is_not_judged():
    text = '<script src="https://cdn.example/x.js"{% if x %} integrity="sha384-x"{% endif %}></script>'
    assert looked_at(text) == []
