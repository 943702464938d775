"""The nonce and the form's token: where they are written, and where not."""

import jinja2
import pytest

from fastness.html.environment import TemplateEnvironment
from fastness.html.errors import ValueRefusedError
from fastness.html.values import TrustedURL

NONCE = "n" * 22
FIELD = "<T>"


def rendered(text, **more):
    templates = {"main": text, **more.pop("templates", {})}
    return (
        TemplateEnvironment(loader=jinja2.DictLoader(templates))
        .get_template("main")
        .render(
            {
                "nonce": NONCE,
                "csrf_field": lambda: FIELD,
                "csrf_token": lambda: "t",
                "local": "/go",
                "other": "https://evil.example/go",
                **more,
            }
        )
    )


WITH = f' nonce="{NONCE}"'
NONCES = [
    pytest.param("<script>a</script>", f"<script{WITH}>a</script>", id="script"),
    pytest.param("<style>p { }</style>", f"<style{WITH}>p {{ }}</style>", id="style"),
    pytest.param("<SCRIPT SRC='/x'></SCRIPT>", f"<SCRIPT{WITH} SRC='/x'></SCRIPT>", id="capitals"),
    pytest.param(
        "<script{% if 1 %} async{% endif %}></script>", f"<script{WITH} async></script>", id="attributes in a branch"
    ),
    pytest.param('<script src="{{ u }}"></script>', f'<script{WITH} src="/x.js"></script>', id="dynamic source"),
    pytest.param('<link rel="stylesheet" href="/x">', f'<link rel="stylesheet" href="/x"{WITH}>', id="style sheet"),
    pytest.param(
        '<link rel=preload as=script href="/x"/>',
        f'<link rel=preload as=script href="/x"{WITH}/>',
        id="preloaded script",
    ),
    pytest.param(
        '<link rel=preload as=image href="/x">', '<link rel=preload as=image href="/x">', id="preloaded image"
    ),
    pytest.param(
        '<link rel=modulepreload href="/x">', f'<link rel=modulepreload href="/x"{WITH}>', id="preloaded module"
    ),
    pytest.param('<link rel=icon href="/x">', '<link rel=icon href="/x">', id="icon"),
    pytest.param("<p>script</p>", "<p>script</p>", id="no script"),
    pytest.param("{% macro m() %}<script></script>{% endmacro %}{{ m() }}", f"<script{WITH}></script>", id="macro"),
    pytest.param('{% from "lib" import m %}{{ m() }}', f"<script{WITH}></script>", id="imported macro"),
    pytest.param('{% include "part" %}', f"<script{WITH}></script>", id="include"),
    pytest.param('{% include "part" without context %}', f"<script{WITH}></script>", id="include without context"),
]
TEMPLATES = {"lib": "{% macro m() %}<script></script>{% endmacro %}", "part": "<script></script>"}


@pytest.mark.parametrize(("text", "expected"), NONCES)
def test_the_nonce(text, expected):
    assert rendered(text, templates=TEMPLATES, u=TrustedURL("/x.js")) == expected


def test_a_nonce_may_be_a_function_and_may_be_missing():
    assert rendered("<script></script>", nonce=lambda: NONCE) == f"<script{WITH}></script>"
    assert rendered("<script></script>", nonce="") == "<script></script>"


def test_a_nonce_that_does_not_look_like_one_is_refused():
    with pytest.raises(ValueRefusedError):
        rendered("<script></script>", nonce='x" src="https://evil.example/')


FORMS = [
    pytest.param('<form method="post">', '<form method="post"><T>', id="no action"),
    pytest.param("<form METHOD=POST action=''>", "<form METHOD=POST action=''><T>", id="empty action"),
    pytest.param('<form action="/x" method="post">', '<form action="/x" method="post"><T>', id="path"),
    pytest.param(
        '<form action="/x/{{ 1 }}" method="post">', '<form action="/x/1" method="post"><T>', id="path with a value"
    ),
    pytest.param('<form action="save" method="post">', '<form action="save" method="post"><T>', id="relative path"),
    pytest.param(
        '<form action="https://x/" method="post">', '<form action="https://x/" method="post">', id="another site"
    ),
    pytest.param('<form action="//x/" method="post">', '<form action="//x/" method="post">', id="another host"),
    pytest.param('<form action="mailto:x" method="post">', '<form action="mailto:x" method="post">', id="mail"),
    pytest.param("<form>", "<form>", id="get"),
    pytest.param('<form method="dialog">', '<form method="dialog">', id="dialog"),
    pytest.param("<form method=\"{{ 'post' }}\">", '<form method="post">', id="method at run time"),
    pytest.param(
        '<form method=post action="{{ local }}">', '<form method=post action="/go"><T>', id="local at run time"
    ),
    pytest.param(
        '<form method=post action="{{ local }}?a=1">',
        '<form method=post action="/go?a=1"><T>',
        id="local, with a query",
    ),
    pytest.param(
        '<form method=post action="{{ other }}">',
        '<form method=post action="https://evil.example/go">',
        id="foreign at run time",
    ),
    pytest.param(
        '<form method=post action="{{ local }}x">', '<form method=post action="/gox">', id="a value and letters"
    ),
    pytest.param("<form method=post>{{ csrf_field() }}", "<form method=post><T>", id="by hand as well"),
    pytest.param("<form method=post>{% csrf_token %}", "<form method=post><T>", id="Django's tag as well"),
    pytest.param(
        '<form method=post action="{{ local }}">{{ csrf_field() }}',
        '<form method=post action="/go"><T>',
        id="by hand, local at run time",
    ),
    pytest.param("<form>{{ csrf_field() }}", "<form><T>", id="by hand in another form"),
    pytest.param("<form>{% csrf_token %}", "<form><T>", id="Django's tag in another form"),
    pytest.param('<form method=post>{% include "field" %}', "<form method=post><T>", id="by hand in an include"),
    pytest.param(
        "{% macro m() %}<form method=post></form>{% endmacro %}{{ m() }}", "<form method=post><T></form>", id="macro"
    ),
    pytest.param(
        '{% from "forms" import m %}{{ m(local) }}', '<form method=post action="/go"><T></form>', id="imported macro"
    ),
    pytest.param(
        '{% from "forms" import m %}{{ m(other) }}',
        '<form method=post action="https://evil.example/go"></form>',
        id="imported macro, foreign",
    ),
    pytest.param(
        '{% for u in [local, other, local] %}<form method=post action="{{ u }}"></form>{% endfor %}',
        '<form method=post action="/go"><T></form><form method=post action="https://evil.example/go"></form>'
        '<form method=post action="/go"><T></form>',
        id="loop",
    ),
    pytest.param("<button formaction=/x>", "<button formaction=/x>", id="no form"),
]
FORM_TEMPLATES = {
    "field": "{{ csrf_field() }}",
    "forms": '{% macro m(u) %}<form method=post action="{{ u }}"></form>{% endmacro %}',
}


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_the_token(text, expected):
    assert rendered(text, templates=FORM_TEMPLATES) == expected


def test_an_imported_module_keeps_nothing_of_a_rendering():
    made = TemplateEnvironment(
        loader=jinja2.DictLoader(
            {"main": '{% import "lib" as lib %}{{ lib }}', "lib": "<script></script><form method=post></form>"}
        )
    )
    page = made.get_template("main").render(nonce=NONCE, csrf_field=lambda: FIELD)
    assert page == "<script></script><form method=post></form>"


def test_without_a_helper_nothing_is_written():
    made = TemplateEnvironment(loader=jinja2.DictLoader({"main": "<form method=post><script></script></form>"}))
    assert made.get_template("main").render() == "<form method=post><script></script></form>"
