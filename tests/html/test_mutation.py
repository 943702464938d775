"""Each escaper replaced by identity in turn: the oracle must notice, or nobody would notice if it broke."""

import jinja2
import pytest

from fastness.html.environment import TemplateEnvironment
from fastness.html.errors import TemplateConstructError, ValueRefusedError
from fastness.html.escapers import Escapers
from fastness.html.plan import Plan
from fastness.html.values import Attrs
from tests.html import oracle

# Escaper → a place of the oracle where it stands alone.
FOUND_BY = {
    "text": "text",
    "attribute": "title attribute",
    "textarea": "textarea",
    "comment": "comment",
    "url": "href",
    "media": "img src",
    "url_path": "href path",
    "url_root": "href root",
    "url_query": "href query",
    "code_path": "script src path",
    "srcset": "srcset",
    "css": "style attribute",
    "css_url": "style url",
    "json": "JSON block",
    "js": "script value",
    "js_string": "script string",
}
# Found by the tests of values: they take one type only.
TYPED = {"attributes", "pair", "code_url", "srcdoc"}


def identity(value, *_where):
    return str(value)


class Mutant(Escapers):
    """The escapers with one of them switched off."""

    def __init__(self, name):
        super().__init__(on_blocked=lambda _blocked: None, check_markup=None)
        self.name = name

    def __getattribute__(self, name):
        return identity if name == object.__getattribute__(self, "name") else object.__getattribute__(self, name)


def environment_without(name, templates):
    environment = oracle.contextual(templates)
    environment.fx = Mutant(name)
    if name in {"text", "attribute"}:
        environment.fx_inner = identity
    return environment


def noticed(environment):
    marked = oracle.lexbor_tree(oracle.render(environment, oracle.MARKER))
    return any(
        oracle.frame_problem(marked, oracle.lexbor_tree(oracle.render(environment, value))) for value in oracle.SUFFIXES
    )


@pytest.mark.parametrize("name", sorted(FOUND_BY))
def test_the_oracle_notices_a_missing_escaper(name):
    folder = oracle.folder(FOUND_BY[name], "plain")
    assert not noticed(oracle.contextual(folder))
    assert noticed(environment_without(name, folder))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        pytest.param("attributes", "<p {{ x }}>", "onclick=alert(1)", id="attributes"),
        pytest.param("attributes", "<p {{ x }}>", Attrs(onclick="alert(1)"), id="an event among the attributes"),
        pytest.param("pair", '<p {{ "onclick" }}="{{ x }}">', "alert(1)", id="an event by name"),
        pytest.param("code_url", '<script src="{{ x }}"></script>', "https://evil.example/", id="code url"),
        pytest.param("srcdoc", '<iframe srcdoc="{{ x }}"></iframe>', "<script>alert(1)</script>", id="srcdoc"),
    ],
)
def test_a_place_for_one_type_refuses_others(name, text, value):
    templates = {"main": text}
    with pytest.raises(ValueRefusedError):
        oracle.render(oracle.contextual(templates), value)
    assert name in TYPED


def test_every_escaper_is_in_the_table():
    methods = {name for name in vars(Escapers) if not name.startswith("_")}
    assert methods == set(FOUND_BY) | TYPED


def test_an_expression_that_the_plan_does_not_know_is_refused():
    class Forgetful(TemplateEnvironment):
        def plan(self, tree, name):
            del tree, name
            return Plan()

    with pytest.raises(TemplateConstructError):
        Forgetful(loader=jinja2.DictLoader({"main": "{{ x }}"})).get_template("main")
