"""What is made when it is first asked for: what is declared is what is made, and it is made once."""

from importlib import import_module

import pytest

from fastness.services.late import LATE, OPTIONAL, Late, late
from fastness.services.services import BY_KIND, Services

MADE = {name: each for name, each in vars(Services).items() if isinstance(each, Late)}


class Two:
    value: "Late[object]" = Late(__name__)


def make_value(_services: object) -> object:
    return object()


@pytest.mark.parametrize("name", MADE)
def test_a_service_is_made_as_the_class_that_is_declared(name):
    made = import_module(MADE[name].home).__dict__[f"make_{name}"].__annotations__["return"]
    assert Services.__annotations__[name] == f"Late[{made.__name__}]"


@pytest.mark.parametrize(("kind", "name"), BY_KIND.items())
def test_what_pages_ask_for_by_its_class_is_a_service(kind, name):
    assert (
        hasattr(vars(Services)[name], "func") if name not in MADE else Services.__annotations__[name] == f"Late[{kind}]"
    )


@pytest.mark.parametrize("name", [*LATE, *OPTIONAL])
def test_a_late_name_is_found(name):
    # A constant has no name of its own.
    assert getattr(late(name), "__name__", name) == name


def test_a_service_is_made_once():
    two = Two()
    assert two.value is two.value
    assert two.value is not Two().value
