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
}
RULES = TemplateRules(
    insecure_safe={"c.html": REASON}, insecure_migration={"old/": REASON}, insecure_events={"gone.html": REASON}
)


def test_every_template_is_judged():
    made = TemplateEnvironment(loader=jinja2.DictLoader(TEMPLATES), rules=RULES)
    found = {(each.kind, each.template, each.line) for each in inventory.inspect(made)}
    assert found == {
        (inventory.REFUSED, "b.html", 2),
        (inventory.SAFE_FILTER, "c.html", 1),
        (inventory.SYNTAX, "d.html", 1),
        (inventory.SYNTAX, "f.html", 1),
        (inventory.MIGRATING, "old/h.html", 1),
        (inventory.UNUSED, "gone.html", 0),
    }


def test_an_included_template_is_compiled_for_its_place():
    templates = {"main.html": '<a href="{% include "part.html" %}">', "part.html": "x{{ y }}{{ y }}"}
    found = inventory.inspect(TemplateEnvironment(loader=jinja2.DictLoader(templates)))
    assert [(each.template, each.code) for each in found] == [("part.html", "template_url")]
    templates["main.html"] = '<a title="{% include "part.html" %}">'
    assert inventory.inspect(TemplateEnvironment(loader=jinja2.DictLoader(templates))) == []


def test_templates_are_compiled_at_start():
    assert (
        inventory.precompile(TemplateEnvironment(loader=jinja2.DictLoader({"a.html": "x", "b.txt": "<{{ x }}"}))) == 1
    )
    with pytest.raises(TemplateRefusedError):
        inventory.precompile(TemplateEnvironment(loader=jinja2.DictLoader({"a.html": "<{{ x }}"})))
