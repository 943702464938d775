"""What a template may consist of, wherever it stands: expressions that are known here, and no unexplained `|safe`.

The walk (`walk.py`) decides by place. What is refused at every place is refused here before, in one look at all nodes.

ASVS 5.0: V1.2.1, V1.1.2.
"""

from typing import Final

from jinja2 import nodes

from fastness.html.errors import SafeFilterError, TemplateConstructError, TemplateRefusedError

_KNOWN_EXPRESSIONS: Final = frozenset({
    nodes.Name, nodes.NSRef, nodes.Const, nodes.TemplateData, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.Keyword,
    nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Call, nodes.Getitem, nodes.Getattr, nodes.Slice, nodes.Concat,
    nodes.Compare, nodes.Operand, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Add, nodes.Sub, nodes.Mod, nodes.Pow, nodes.And,
    nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.MarkSafeIfAutoescape,
})  # fmt: skip


def check_nodes(tree: nodes.Template, template: str, *, allows_safe: bool) -> list[int]:
    """Refuse unknown expression nodes and unexplained `|safe`; return the lines of the explained ones."""
    safe_lines: list[int] = []
    waiting: list[nodes.Node] = [tree]
    while waiting:
        node = waiting.pop()
        if type(node) not in _KNOWN_EXPRESSIONS and isinstance(node, nodes.Expr | nodes.Helper):
            raise refused(template, TemplateConstructError(construct_problem(node)), node)
        if type(node) is nodes.Filter:
            if _is_trusting(node):
                safe_lines.append(node.lineno)
            problem = _filter_problem(node, allows_safe=allows_safe)
            if problem is not None:
                raise refused(template, problem, node)
        # Jinja2's iter_child_nodes says the same; this is a tenth of a template's compile time faster.
        for name in node.fields:
            value = getattr(node, name)
            if isinstance(value, nodes.Node):
                waiting.append(value)
            elif isinstance(value, list | tuple):
                waiting.extend(item for item in value if isinstance(item, nodes.Node))
    return safe_lines


def refused(template: str, error: TemplateRefusedError, node: nodes.Node, lines: int = 0) -> TemplateRefusedError:
    """The error, with the place of the node in its template."""
    line = node.lineno or 1  # an extension may leave it out
    return error.at(template, line + lines)


def last_piece(tree: nodes.Template) -> nodes.Node:
    """The last piece of a template, for the line of a refusal."""
    last = tree.body[-1] if tree.body else tree
    return last.nodes[-1] if isinstance(last, nodes.Output) and last.nodes else last


def construct_problem(node: nodes.Node) -> str:
    """Why a node is refused wherever it stands."""
    if isinstance(node, nodes.EvalContextModifier | nodes.ScopedEvalContextModifier):
        return "{% autoescape %} would switch the escaper off. Remove it; for trusted HTML pass SafeHTML."
    return f"the node {type(node).__name__} of an extension is unknown to the escaper."


def _is_trusting(node: nodes.Filter) -> bool:
    """Whether it is `|safe`; behind `|tojson` that changes nothing."""
    return node.name == "safe" and not (isinstance(node.node, nodes.Filter) and node.node.name == "tojson")


def _filter_problem(node: nodes.Filter, *, allows_safe: bool) -> TemplateRefusedError | None:
    if _is_trusting(node) and not allows_safe:
        return SafeFilterError(
            "|safe writes a value as HTML that nobody checked. Use sanitise(…), or list this template with a reason in "
            "TemplateRules(insecure_safe=…)."
        )
    if node.name == "map" and node.args:
        name = node.args[0]
        if not isinstance(name, nodes.Const) or name.value == "safe":
            return SafeFilterError("|map with a filter that is not named here, or with safe. Name another filter.")
    if node.name == "xmlattr":
        return TemplateConstructError("|xmlattr does not know its tag. Pass Attrs(…) and write {{ attrs }}.")
    return None
