"""Which expressions are refused, with which code; each beside one that passes."""

import jinja2
import pytest

from fastness.html.environment import TemplateEnvironment
from fastness.html.errors import TemplateRefusedError

ROWS = [
    pytest.param("<{{ x }}>", "template_place", "<b>{{ x }}</b>", id="tag name"),
    pytest.param("<b{{ x }}>", "template_place", "<b {{ x }}>", id="joined to a tag name"),
    pytest.param(
        "<textarea><{{ x }}</textarea>", "template_place", "<textarea>&lt;{{ x }}</textarea>", id="after a less-than"
    ),
    pytest.param("R&{{ x }}", "template_place", "R&amp;{{ x }}", id="after an ampersand"),
    pytest.param('<p title="&#{{ x }}">', "template_place", '<p title="# {{ x }}">', id="half a character reference"),
    pytest.param("<p {{ x }}=1>", "template_markup", "<p {{ x }} a=1>", id="attribute name"),
    pytest.param("<p {{ x }}={{ x }}>", "template_markup", '<p {{ x }}="{{ x }}">', id="name and unquoted value"),
    pytest.param('<p {{ x }}="a{{ x }}">', "template_markup", "<p {{ x }}='{{ x }}'>", id="name and half a value"),
    pytest.param('<p a{{ x }}="{{ x }}">', "template_place", '<p a="b"{{ x }}="{{ x }}">', id="half a name"),
    pytest.param('<p{{ x }}="{{ x }}">', "template_place", '<p {{ x }}="{{ x }}" >', id="name joined to a tag's"),
    pytest.param('</p {{ x }}="{{ x }}">', "template_place", "</p>", id="name in an end tag"),
    pytest.param("<p a{{ x }}>", "template_place", '<p a="{{ x }}">', id="joined to an attribute name"),
    pytest.param("<p a={{ x }}>", "template_place", '<p a="{{ x }}">', id="unquoted value"),
    pytest.param("<p a=b{{ x }}>", "template_place", '<p a="b{{ x }}">', id="inside an unquoted value"),
    pytest.param('<p a="{{ x }}"{{ x }}>', "template_place", '<p a="{{ x }}" {{ x }}>', id="no space in a tag"),
    pytest.param("<!--{{ x }} -->", "template_place", "<!-- {{ x }}-->", id="start of a comment"),
    pytest.param("<!-- -{{ x }} -->", "template_place", "<!-- - {{ x }} -->", id="comment, after a hyphen"),
    pytest.param(
        "<!-- {% if x %}-{% endif %}->", "template_ambiguous", "<!-- {% if x %}-- {% endif %}-->", id="end of a comment"
    ),
    pytest.param("<!doctype {{ x }}>", "template_place", "<!doctype html>{{ x }}", id="doctype"),
    pytest.param("<iframe>{{ x }}</iframe>", "template_place", "<p>{{ x }}</p>", id="iframe's text"),
    pytest.param("<noscript>{{ x }}</noscript>", "template_place", "<noscript>x</noscript>", id="noscript"),
    pytest.param(
        "<svg><style>{{ x }}</style></svg>", "template_place", "<svg><text>{{ x }}</text></svg>", id="style in svg"
    ),
    pytest.param(
        '<a href="{{ x }}{{ x }}">', "template_url", '<a href="{{ x ~ x }}">', id="two expressions begin a URL"
    ),
    pytest.param('<a href="{{ x }}:y">', "template_url", '<a href="{{ x }}/y">', id="an expression before a colon"),
    pytest.param('<a href="{{ x }}&colon;y">', "template_url", '<a href="{{ x }}&amp;y">', id="a colon by reference"),
    pytest.param('<a href="java{{ x }}">', "template_url", '<a href="./java{{ x }}">', id="after letters"),
    pytest.param(
        '<a href="{% if x %}mailto{% else %}javascript{% endif %}:{{ x }}">',
        "template_url",
        '<a href="{% if x %}mailto:{% else %}https:{% endif %}x">',
        id="a scheme in branches",
    ),
    pytest.param('<img src="data:image/png,{{ x }}">', "template_url", '<img src="{{ x }}">', id="in a data: URL"),
    pytest.param(
        '<script src="//{{ x }}/y.js"></script>',
        "template_url",
        '<script src="/s/{{ x }}"></script>',
        id="host of a script",
    ),
    pytest.param(
        '<script src="/{{ x }}"></script>', "template_url", '<script src="/s/{{ x }}"></script>', id="root of a script"
    ),
    pytest.param('<p style="{{ x }}">', "template_style", '<p style="width: {{ x }}">', id="whole style"),
    pytest.param('<p style="{{ x }}: 1">', "template_style", '<p style="width: 1">', id="property name"),
    pytest.param('<p style="width: a{{ x }}">', "template_style", '<p style="width: {{ x }}">', id="joined in CSS"),
    pytest.param(
        "<style>p { background: url(/i/{{ x }}) }</style>",
        "template_style",
        "<style>p { background: url({{ x }}) }</style>",
        id="part of a CSS url",
    ),
    pytest.param(
        "<style>p { background: url('{{ x }}.png') }</style>",
        "template_style",
        "<style>p { background: url('{{ x }}' ) }</style>",
        id="start of a CSS url",
    ),
    pytest.param(
        """<p style="background: url('{{ x }}&quot;)">""",
        "template_style",
        """<p style="background: url(&quot;{{ x }}&quot;)">""",
        id="CSS url with two quotes",
    ),
    pytest.param(
        "<style>p { background: url('{{ x }}{{ x }}') }</style>",
        "template_style",
        "<style>p { background: url('{{ x ~ x }}') }</style>",
        id="CSS url of two expressions",
    ),
    pytest.param(
        "<style>@import url({{ x }});</style>", "template_style", "<style>p { mask: url({{ x }}) }</style>", id="import"
    ),
    pytest.param(
        "<style>p { background: image-set(url('{{ x }}') 1x) }</style>",
        "template_style",
        "<style>p { background: cross-fade(url('{{ x }}'), 1%) }</style>",
        id="image-set",
    ),
    pytest.param(
        "<style>p { background: {{ x }}url({{ x }}) }</style>",
        "template_style",
        "<style>p { background: {{ x }} url({{ x }}) }</style>",
        id="end of another function's name",
    ),
    pytest.param(
        "<style>p { background: \\6durl({{ x }}) }</style>",
        "template_style",
        "<style>p { background: /**/url({{ x }}) }</style>",
        id="escape in a function's name",
    ),
    pytest.param(
        "<style>p { background: url({% if x %}{{ x }}{% endif %}) }</style>",
        "template_ambiguous",
        "<style>p { background: {% if x %}url({{ x }}){% endif %} }</style>",
        id="CSS url in a branch",
    ),
    pytest.param(
        "<style>p { content: '{{ x }}' }</style>",
        "template_style",
        "<style>p { content: 'x' }</style>",
        id="CSS string",
    ),
    pytest.param("<script>{{ x }}</script>", "template_script", "<script>a = {{ x }}</script>", id="start of a script"),
    pytest.param("<script>a{{ x }}</script>", "template_script", "<script>a={{ x }}</script>", id="joined to a name"),
    pytest.param(
        "<script>a = {{ x }}{{ x }}</script>",
        "template_script",
        "<script>a = [{{ x }}, {{ x }}]</script>",
        id="two values",
    ),
    pytest.param(
        "<script>a = `{{ x }}`</script>", "template_script", '<script>a = "{{ x }}"</script>', id="template literal"
    ),
    pytest.param(
        "<script>a = /x/; b = {{ x }}</script>",
        "template_script",
        "<script>b = {{ x }}; a = /x/</script>",
        id="after a slash",
    ),
    pytest.param(
        "<script>// {{ x }}</script>", "template_script", "<script>// x\na = {{ x }}</script>", id="comment in a script"
    ),
    pytest.param(
        '<script type="text/x">a = {{ x }}</script>',
        "template_script",
        "<script>a = {{ x }}</script>",
        id="unknown type",
    ),
    pytest.param(
        "<script {% if x %}type='module'{% endif %}>a = {{ x }}</script>",
        "template_script",
        "<script type=module>a = {{ x }}</script>",
        id="uncertain type",
    ),
    pytest.param('<p onclick="{{ x }}">', "template_code_attribute", '<p data-on="{{ x }}">', id="event handler"),
    pytest.param('<p @click="{{ x }}">', "template_code_attribute", '<p @click="x">', id="Vue"),
    pytest.param('<p x-data="{{ x }}">', "template_code_attribute", '<p x-data="x">', id="Alpine"),
    pytest.param('<p hx-on:click="{{ x }}">', "template_code_attribute", '<p hx-target="{{ x }}">', id="htmx"),
    pytest.param('<meta http-equiv="{{ x }}">', "template_place", '<meta name="{{ x }}">', id="http-equiv"),
    pytest.param(
        '<meta http-equiv="refresh" content="{{ x }}">',
        "template_place",
        '<meta name="x" content="{{ x }}">',
        id="content after http-equiv",
    ),
    pytest.param(
        '<meta content="{{ x }}" http-equiv="refresh">',
        "template_place",
        '<meta content="{{ x }}" name="x">',
        id="content before http-equiv",
    ),
    pytest.param('<script type="{{ x }}"></script>', "template_place", '<input type="{{ x }}">', id="type of a script"),
    pytest.param('<link rel="{{ x }}">', "template_place", '<a rel="{{ x }}">', id="rel of a link"),
    pytest.param(
        '<iframe sandbox="{{ x }}"></iframe>', "template_place", '<iframe title="{{ x }}"></iframe>', id="sandbox"
    ),
    pytest.param(
        '<svg><set to="{{ x }}"/></svg>', "template_place", '<svg><rect x="{{ x }}"/></svg>', id="SVG animation"
    ),
    pytest.param('<img srcset="a 1x, {{ x }}">', "template_place", '<img srcset="{{ x }}">', id="part of a srcset"),
    pytest.param(
        "{% if x %}<p{% endif %}>", "template_ambiguous", "{% if x %}<p>{% endif %}", id="a tag in one branch"
    ),
    pytest.param(
        '{% if x %}"{% endif %}<p a="{% if x %}"{% endif %}>',
        "template_ambiguous",
        '<p a="{% if x %}y{% endif %}">',
        id="a quote in one branch",
    ),
    pytest.param(
        "<p{% if x %} a{% endif %}b>", "template_markup", "<p{% if x %} a{% endif %} b>", id="a name joined to a branch"
    ),
    pytest.param(
        "{% for i in x %}<p {% endfor %}>",
        "template_ambiguous",
        "{% for i in x %}<p>{% endfor %}",
        id="a tag that grows in a loop",
    ),
    pytest.param("<title>{{ x }}", "template_ambiguous", "<title>{{ x }}</title>", id="left open"),
    pytest.param(
        "{% macro m() %}<p a={% endmacro %}",
        "template_ambiguous",
        "{% macro m() %}<p>{% endmacro %}",
        id="macro left open",
    ),
    pytest.param(
        "{% set y %}<p {% endset %}", "template_ambiguous", "{% set y %}<p>{% endset %}", id="set block left open"
    ),
    pytest.param("{% autoescape false %}{{ x }}{% endautoescape %}", "template_construct", "{{ x }}", id="autoescape"),
    pytest.param(
        '<p title="{% filter trim %}x{% endfilter %}">',
        "template_construct",
        "{% filter trim %}x{% endfilter %}",
        id="filter block in an attribute",
    ),
    pytest.param(
        "{% filter upper %}{{ x }}{% endfilter %}", "template_construct", "{{ x|upper }}", id="filter on escaped text"
    ),
    pytest.param("<p {{ x|xmlattr }}>", "template_construct", "<p {{ x }}>", id="xmlattr"),
    pytest.param("{{ x|safe }}", "template_safe", "{{ x }}", id="safe"),
    pytest.param("{{ x|safe|upper }}", "template_safe", "{{ x|upper }}", id="safe inside"),
    pytest.param("{% set y = x|safe %}", "template_safe", "{% set y = x %}", id="safe in a statement"),
    pytest.param("{{ x|map('safe')|join }}", "template_safe", "{{ x|map('upper')|join }}", id="safe through map"),
    pytest.param(
        "{{ x|map(y)|join }}", "template_safe", "{{ x|map(attribute=y)|join }}", id="a filter that is not named"
    ),
    pytest.param('<script nonce="{{ x }}"></script>', "template_nonce", "<script></script>", id="nonce"),
    pytest.param(
        "{% macro m() %}{% block b %}{% endblock %}{% endmacro %}",
        "template_construct",
        "{% block b %}{% endblock %}",
        id="block in a macro",
    ),
]


def compiled(text):
    return TemplateEnvironment(loader=jinja2.DictLoader({"page.html": "\n" + text})).get_template("page.html")


@pytest.mark.parametrize(("text", "code", "neighbour"), ROWS)
def test_an_expression_is_refused_where_nothing_makes_it_safe(text, code, neighbour):
    with pytest.raises(TemplateRefusedError) as caught:
        compiled(text)
    assert caught.value.code == code
    assert caught.value.template == "page.html"
    assert caught.value.line >= 2
    compiled(neighbour)


def test_a_refusal_names_the_line_within_a_long_text():
    with pytest.raises(TemplateRefusedError) as caught:
        compiled('one\ntwo\n<p\nclass="a"\nonclick="b">')
    assert caught.value.line == 6
