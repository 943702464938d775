"""Jinja2's constructs through the escaper, and what the environment refuses."""

import asyncio

import jinja2
import pytest
from jinja2 import nodes
from jinja2.ext import Extension
from markupsafe import Markup

from fastness.html.environment import TemplateEnvironment, TemplateRules
from fastness.html.errors import (
    AmbiguousPlaceError,
    BrokenTemplateError,
    MarkupRefusedError,
    SafeFilterError,
    TemplateConstructError,
    TemplateRefusedError,
    TemplateSourceError,
)
from fastness.html.escapers import BlockedValue
from fastness.kernel.because import Because

REASON = Because("written by the tests of this part")


def environment(templates, **options):
    return TemplateEnvironment(loader=jinja2.DictLoader(templates), **options)


def rendered(templates, name="main", /, **values):
    return environment(templates).get_template(name).render(values)


ROWS = [
    pytest.param(
        {"main": '<a href="{{ x }}">'}, "javascript:alert(1)", '<a href="about:invalid#fastness-blocked">', id="URL"
    ),
    pytest.param({"main": '<a href="{{ x }}">'}, "https://a/b?c&d", '<a href="https://a/b?c&amp;d">', id="a good URL"),
    pytest.param(
        {"main": '<a href="{{ "javascript:1" }}">'}, "", '<a href="about:invalid#fastness-blocked">', id="constant URL"
    ),
    pytest.param({"main": '<a href="/{{ x }}">'}, "/evil.example", '<a href="/%2Fevil.example">', id="no second slash"),
    pytest.param({"main": '<a href="?{{ x|urlencode }}">'}, "a&b", '<a href="?a%26b">', id="urlencode once"),
    pytest.param({"main": "{{ x|e }}"}, "<", "&lt;", id="e once"),
    pytest.param({"main": "{{ '<b>' }}"}, "", "&lt;b&gt;", id="constant text"),
    pytest.param({"main": "{{ x }}"}, Markup("<b>"), "<b>", id="markup in text"),
    pytest.param(
        {"main": '<p title="{{ x }}">'},
        Markup("<b>a</b> &amp; b"),
        '<p title="a &amp; b">',
        id="markup in an attribute",
    ),
    pytest.param(
        {"main": "<textarea>{{ x }}</textarea>"}, Markup("<b>"), "<textarea>&lt;b&gt;</textarea>", id="markup's source"
    ),
    pytest.param({"main": "{{ x[:2] }}"}, Markup("<b>text"), "te", id="a slice is cut from text"),
    pytest.param({"main": "{{ x|truncate(3, true, '', 0) }}"}, Markup("<b>text"), "tex", id="truncate works on text"),
    pytest.param({"main": "{{ x|trim }}"}, Markup(" <b> "), "<b>", id="white space of markup"),
    pytest.param({"main": "{{ x|trim('<') }}"}, Markup("<b>x"), "x", id="other characters of markup"),
    pytest.param({"main": "{{ x.upper() }}"}, Markup("&lt;b"), "&lt;B", id="a method works on text"),
    pytest.param({"main": "{{ x }}|{{ none }}"}, None, "|", id="none is empty"),
    pytest.param({"main": "<script>a = {{ x }}</script>"}, None, "<script>a =  null </script>", id="none in a script"),
    pytest.param(
        {"main": "<script>a = {{ x|tojson|safe }}</script>"}, "</", '<script>a = "\\u003c/"</script>', id="tojson once"
    ),
    pytest.param(
        {"main": "{% set y | trim %} {{ x }} {% endset %}{{ y }}"}, "<b>", "&lt;b&gt;", id="filter of a set block"
    ),
    pytest.param(
        {"main": "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ x }}{% endcall %}"},
        "<",
        "&lt;",
        id="call block",
    ),
    pytest.param(
        {"main": "{% call f() %}{% endcall %}"}, "<", "&lt;", id="a call block of a function that returns text"
    ),
    pytest.param(
        {
            "main": '{% extends "base" %}{% block b %}{{ x }}{{ super() }}{% endblock %}',
            "base": "<title>{% block b %}&{% endblock %}</title>",
        },
        "</title>",
        "<title>&lt;/title&gt;&</title>",
        id="block in a title",
    ),
    pytest.param(
        {
            "main": "{% extends f.name %}{% block b %}{{ x }}{% endblock %}",
            "base": '<a href="{% block b %}{% endblock %}">',
        },
        "javascript:alert(1)",
        '<a href="about:invalid#fastness-blocked">',
        id="parent at run time",
    ),
    pytest.param(
        {"main": '<a href="{% include "p" %}">', "p": "{{ x }}"},
        "javascript:alert(1)",
        '<a href="about:invalid#fastness-blocked">',
        id="include in a URL",
    ),
    pytest.param(
        {"main": '<p>{% include ["a", "p"] ignore missing %}</p>', "p": "{{ x }}"},
        "<",
        "<p>&lt;</p>",
        id="include of a list",
    ),
    pytest.param({"main": '{% include "nothing" ignore missing %}x'}, "<", "x", id="include of nothing"),
    pytest.param(
        {"main": '{% include "p" without context %}', "p": "{{ x is defined }}"},
        "<",
        "False",
        id="include without context",
    ),
    pytest.param(
        {"main": '{% import "p" as p %}{{ p.m(x) }}', "p": "{% macro m(y) %}{{ y }}{% endmacro %}"},
        "<",
        "&lt;",
        id="import",
    ),
    pytest.param(
        {"main": '{% import "p" as p with context %}{{ p.m() }}', "p": "{% macro m() %}{{ x }}{% endmacro %}"},
        "<",
        "&lt;",
        id="import with context",
    ),
    pytest.param(
        {"main": "{% for i in [[]] recursive %}{{ x }}{{ loop(i) }}{% endfor %}"}, "<", "&lt;", id="recursive loop"
    ),
    pytest.param({"main": "{% filter trim %} {{ x }}{% endfilter %}"}, "<", "&lt;", id="filter block"),
]


class Say:
    """A function of the app that returns text, and an object whose name is a template's."""

    name = "base"

    def __call__(self, **_options):
        return "<"


SAY = Say()


@pytest.mark.asvs("V1.2.1", "V1.2.2", "V1.2.3")
@pytest.mark.parametrize(("templates", "value", "expected"), ROWS)
def test_constructs(templates, value, expected):
    assert rendered(templates, x=value, f=SAY) == expected


@pytest.mark.parametrize(("templates", "value", "expected"), ROWS)
async def test_constructs_when_rendered_asynchronously(templates, value, expected):
    template = environment(templates, is_async=True).get_template("main")
    assert await template.render_async(x=value, f=SAY) == expected


@pytest.mark.parametrize(("templates", "value", "expected"), ROWS)
def test_constructs_when_streamed(templates, value, expected):
    assert "".join(environment(templates).get_template("main").stream(x=value, f=SAY)) == expected


def test_translations_are_markup_with_escaped_values():
    made = environment(
        {"main": '{% trans %}<b>{{ x }}</b>{% endtrans %}<p title="{% trans %}{{ x }}{% endtrans %}">'},
        extensions=("jinja2.ext.i18n",),
    )
    made.install_null_translations()
    assert made.get_template("main").render(x='<"') == '<b>&lt;&#34;</b><p title="&lt;&#34;">'


def test_a_parent_that_moved_its_block_is_noticed(tmp_path):
    (tmp_path / "main").write_text('{% extends "base" %}{% block b %}{{ x }}{% endblock %}')
    (tmp_path / "base").write_text("<p>{% block b %}{% endblock %}</p>")
    made = TemplateEnvironment([tmp_path], reloads=True)
    assert made.get_template("main").render(x="javascript:1") == "<p>javascript:1</p>"
    made.loader = jinja2.DictLoader(
        {"main": (tmp_path / "main").read_text(), "base": '<a href="{% block b %}{% endblock %}">'}
    )
    child = made.get_template("main")
    made.loader = jinja2.DictLoader(
        {"base": '<p title="{% block b %}{% endblock %}">', "main": (tmp_path / "main").read_text()}
    )
    assert child.render(x="<") == '<p title="&lt;">'


def test_compiled_code_of_another_environment_is_refused(tmp_path):
    plain = jinja2.Environment(loader=jinja2.FileSystemLoader(tmp_path / "t"), autoescape=True)
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "main").write_text('<a href="{{ x }}">')
    plain.compile_templates(tmp_path / "modules", zip=None)
    made = TemplateEnvironment(loader=jinja2.ModuleLoader(tmp_path / "modules"))
    with pytest.raises(TemplateSourceError):
        made.get_template("main")


@pytest.mark.asvs("V1.3.7")
def test_templates_from_strings_are_refused():
    made = environment({})
    with pytest.raises(TemplateSourceError):
        made.from_string("x")
    with pytest.raises(TemplateSourceError):
        made.compile_expression("x")
    with pytest.raises(TemplateSourceError):
        type(made).template_class("x")


class Shouting(Extension):
    """An extension that writes a value as markup."""

    tags = {"shout"}  # noqa: RUF012

    def parse(self, parser):
        line = next(parser.stream).lineno
        return nodes.Output([nodes.MarkSafe(parser.parse_expression())], lineno=line)


def test_nodes_of_extensions_are_refused():
    with pytest.raises(TemplateConstructError):
        environment({"main": "{% shout x %}"}, extensions=(Shouting,)).get_template("main")
    environment({"main": "{% do x.append(1) %}"}, extensions=("jinja2.ext.do",)).get_template("main")


def test_a_blocked_value_is_reported_without_the_value():
    blocked: list[BlockedValue] = []
    made = environment({"page.html": '\n<a href="{{ x }}">'}, on_blocked=blocked.append)
    made.get_template("page.html").render(x="javascript:secret")
    assert [(each.template, each.line, each.place) for each in blocked] == [("page.html", 2, "url")]
    made.get_template("page.html").render(x="/fine")
    assert len(blocked) == 1


def test_safe_needs_a_reason():
    templates = {"mail/a.html": "{{ x|safe }}", "b.html": "{{ x|safe }}", "mail/c.html": '<p title="{{ x|safe }}">'}
    rules = TemplateRules(insecure_safe={"mail/": REASON})
    assert environment(templates, rules=rules).get_template("mail/a.html").render(x="<b>") == "<b>"
    for name in ("b.html", "mail/c.html"):
        with pytest.raises(SafeFilterError):
            environment(templates, rules=rules).get_template(name)


def test_a_template_under_migration_is_escaped_as_before_and_reported(caplog):
    templates = {"old/a.html": '<a onclick="{{ x }}" href={{ x }}>{{ x }}</a>', "new.html": "<a href={{ x }}>"}
    made = environment(templates, rules=TemplateRules(insecure_migration={"old/": REASON}))
    assert made.get_template("old/a.html").render(x="<") == '<a onclick="&lt;" href=&lt;>&lt;</a>'
    assert "old/a.html" in caplog.text
    with pytest.raises(TemplateRefusedError):
        made.get_template("new.html")


def test_static_events_need_a_reason():
    rules = TemplateRules(insecure_events={"old/": REASON})
    made = environment({"old/a.html": '<p onclick="x()">', "b.html": '<p onclick="x()">'}, rules=rules)
    assert made.get_template("old/a.html").render() == '<p onclick="x()">'
    with pytest.raises(TemplateRefusedError):
        made.get_template("b.html")


def test_trusted_markup_that_is_cut_is_noticed_where_asked():
    templates = {"main": '{{ x }}<p title="y">'}
    made = environment(templates, rules=TemplateRules(checks_markup=True))
    assert made.get_template("main").render(x=Markup("<b>z</b>")) == '<b>z</b><p title="y">'
    with pytest.raises(MarkupRefusedError):
        made.get_template("main").render(x=Markup("<b"))


def test_an_undefined_name_raises_in_every_place():
    for text in ("{{ x }}", '<p title="{{ x }}">', '<a href="{{ x }}">', "<script>a = [{{ x }}]</script>"):
        with pytest.raises((jinja2.UndefinedError, TemplateRefusedError, Exception)) as caught:
            rendered({"main": text})
        assert "x" in str(caught.value) or "JSON" in str(caught.value)


def test_templates_that_extend_each_other_are_refused():
    with pytest.raises((AmbiguousPlaceError, RecursionError)):
        environment({"a": '{% extends "b" %}', "b": '{% extends "a" %}'}).get_template("a")


def test_two_renderings_do_not_share_their_additions():
    made = environment({"main": "<script>1</script>{% for i in [1, 2] %}<script>2</script>{% endfor %}"})
    template = made.get_template("main")
    first, second = template.generate(nonce="a" * 20), template.generate(nonce="b" * 20)
    one, two = "", ""
    for _ in range(12):
        one += next(first, "")
        two += next(second, "")
    assert one.count("a" * 20) == 3
    assert two.count("b" * 20) == 3
    assert "b" * 20 not in one


async def test_two_asynchronous_renderings_do_not_share_their_additions():
    templates = {"main": "<script>1</script>{{ wait() }}<script>2</script>"}
    template = environment(templates, is_async=True).get_template("main")

    async def wait():
        await asyncio.sleep(0)
        return ""

    pages = await asyncio.gather(*(template.render_async(wait=wait, nonce=letter * 20) for letter in "abc"))
    assert [page.count(letter * 20) for page, letter in zip(pages, "abc", strict=True)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        pytest.param({"main": "<p>\n{% if x %"}, "main, line 2: unexpected 'end of template'", id="itself"),
        pytest.param({"main": "\n{{ x|nofilter }}"}, "main, line 2: No filter named 'nofilter'.", id="a-filter"),
        pytest.param({"main": '\n{% extends "no" %}'}, "main, line 2: there is no template no.", id="no-parent"),
        pytest.param({"main": '{% extends "up" %}', "up": "\n{{ }"}, "up, line 2: unexpected '}'", id="its-parent"),
        pytest.param({"main": '{% include "part" %}', "part": "\n{{ }"}, "part, line 2: unexpected '}'", id="a-part"),
        pytest.param(
            {"main": '{% import "part" as p %}', "part": "\n{{ }"}, "part, line 2: unexpected '}'", id="macros"
        ),
    ],
)
def test_a_template_that_cannot_be_read_is_named_with_its_line(templates, message):
    with pytest.raises(BrokenTemplateError) as caught:
        rendered(templates, x="x")
    assert str(caught.value) == message
