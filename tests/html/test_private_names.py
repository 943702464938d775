"""Names of Jinja2 and MarkupSafe that are not public and that the escaper stands on: this fails when they move."""

import inspect
from importlib.metadata import requires

import jinja2
import markupsafe
import pytest
from jinja2 import compiler, environment

from fastness.html.generator import ContextualGenerator
from fastness.html.speedups import escape_inner, escape_slowly

# Name → its parameters.
GENERATOR = {
    "_output_child_to_const": ["self", "node", "frame", "finalize"],
    "_output_child_pre": ["self", "node", "frame", "finalize"],
    "_output_child_post": ["self", "node", "frame", "finalize"],
    "write_commons": ["self"],
    "visit_Output": ["self", "node", "frame"],
    "visit_Template": ["self", "node", "frame"],
    "visit_Call": ["self", "node", "frame", "forward_caller"],
    "visit_FilterBlock": ["self", "node", "frame"],
    "visit_AssignBlock": ["self", "node", "frame"],
    "visit_For": ["self", "node", "frame"],
    "visit_Macro": ["self", "node", "frame"],
    "visit_Getitem": ["self", "node", "frame"],
    "buffer": ["self", "frame"],
    "enter_frame": ["self", "frame"],
    "leave_frame": ["self", "frame", "with_python_scope"],
    "start_write": ["self", "frame", "node"],
    "end_write": ["self", "frame"],
}
ENVIRONMENT = {
    "_generate": ["self", "source", "name", "filename", "defer_init"],
    "_parse": ["self", "source", "name", "filename"],
    "getattr": ["self", "obj", "attribute"],
    "getitem": ["self", "obj", "argument"],
}
TEMPLATE = {
    "_from_namespace": ["environment", "namespace", "globals"],
    "_get_default_module": ["self", "ctx"],
    "_get_default_module_async": ["self", "ctx"],
    "new_context": ["self", "vars", "shared", "locals"],
}


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        pytest.param(owner, name, parameters, id=f"{owner.__name__}.{name}")
        for owner, table in (
            (compiler.CodeGenerator, GENERATOR),
            (environment.Environment, ENVIRONMENT),
            (environment.Template, TEMPLATE),
        )
        for name, parameters in table.items()
    ],
)
def test_a_name_is_where_it_was(owner, name, parameters):
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_every_override_of_the_generator_is_in_the_table():
    own = {name for name in vars(ContextualGenerator) if name.startswith(("visit_", "_output", "write_commons"))}
    assert own <= set(GENERATOR)


def test_the_loop_of_markupsafe_is_there_and_has_a_replacement():
    assert vars(markupsafe)["_escape_inner"] is escape_inner
    for text in ("", "plain", "<>&\"'", "ä<", "\x00", "<" * 1000):
        assert escape_inner(text) == escape_slowly(text)
        assert type(escape_slowly(text)) is str


def test_the_version_is_bound():
    assert any(line.startswith("jinja2<3.2,>=3.1.6") for line in requires("fastness") or ())
    assert jinja2.__version__.startswith("3.1.")
