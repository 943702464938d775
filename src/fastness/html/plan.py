"""What a walk over a template found: how each output is written, where blocks begin, what is named.

The code generator asks a `Plan` for every output and refuses what is not in it, so that a node nobody thought of cannot be
written unescaped. The walk (`walk.py`) changes nothing in the tree until the plan is applied. ASVS 5.0: V1.2.1.
"""

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from jinja2 import nodes

from fastness.html.contexts import Context
from fastness.html.places import Place

# Where a form's token or a nonce is written; not expressions of the author's.
NONCE: Final = "nonce"
TOKEN: Final = "token"  # noqa: S105 names of places
TOKEN_IF_LOCAL: Final = "token if local"  # noqa: S105
FORM_URL: Final = "form url"
TOKEN_TAG: Final = "token tag"  # noqa: S105
TOKEN_UNLESS_PLACED: Final = "token unless placed"  # noqa: S105


Use: TypeAlias = tuple[tuple[Any, ...], tuple[str, ...]]
"""A place, as a `Context`'s fields, and the names of the templates that begin there."""


@dataclass(slots=True)
class Plan:
    """What the walk found; the keys of `places` are ids of nodes that `nodes` keeps alive."""

    places: dict[int, Place] = field(default_factory=dict)
    kept: list[nodes.Node] = field(default_factory=list)
    outputs: dict[int, tuple[nodes.Output, list[nodes.Expr]]] = field(default_factory=dict)
    loads: dict[int, tuple[nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends, nodes.Call]] = field(
        default_factory=dict
    )
    blocks: dict[str, Context] = field(default_factory=dict)
    inherited: dict[str, Context] = field(default_factory=dict)
    safe_lines: list[int] = field(default_factory=list)
    foreign_code_lines: list[int] = field(default_factory=list)

    def apply(self) -> None:
        """Write the plan into the tree; the walk itself changes nothing, because it goes through loops twice."""
        for output, written in self.outputs.values():
            output.nodes = written
        for node, template in self.loads.values():
            node.template = template
            if isinstance(node, nodes.Include):
                # Without context Jinja2 keeps the text of the first rendering, with its nonce and somebody's token.
                node.with_context = True

    def uses(self) -> tuple[Use, ...]:
        """The templates that this one names, each group with the place where they begin; parents are looked up elsewhere."""
        found = []
        for node, load in self.loads.values():
            place = load.args[0]
            if isinstance(node, nodes.Extends) or not isinstance(place, nodes.Const):
                continue
            start = tuple(Context()) if place.value is None else place.value
            found.append((start, _constant_names(load.args[1])))
        return tuple(dict.fromkeys(use for use in found if use[1]))


def _constant_names(node: nodes.Node) -> tuple[str, ...]:
    """The names of templates that an include can come to, as far as they are written in it."""
    if isinstance(node, nodes.Const):
        return (node.value,) if isinstance(node.value, str) else ()
    if isinstance(node, nodes.CondExpr):
        other = () if node.expr2 is None else _constant_names(node.expr2)
        return (*_constant_names(node.expr1), *other)
    if isinstance(node, nodes.List | nodes.Tuple):
        return tuple(name for item in node.items for name in _constant_names(item))
    return ()
