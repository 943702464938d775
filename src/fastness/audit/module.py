"""One Python file, read once for all rules: its tree, what its names stand for, and what comes from a request.

Only the text is read (`ast`); nothing is imported or run. Names are followed the way a reader would: through imports, and
to the one place of the same function (or module) where a value was given its name. Code that hides on purpose is not
found; the author is trusted, and makes mistakes.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from fastness.audit.taint import request_values
from fastness.kernel.pythonfiles import MAX_BYTES
from fastness.kernel.values import dataclass

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
NodeT = TypeVar("NodeT", bound=ast.AST)

_MAX_STEPS: Final = 5
"""How many names are followed one after the other."""


class UnreadableError(Exception):
    """A file that no rule can look at; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """What rules look at."""

    tree: ast.Module
    nodes: Sequence[ast.AST]
    """All of them, in the order of the file."""
    kinds: Mapping[type[ast.AST], Sequence[ast.AST]]
    """The same, by their types."""
    names: Mapping[str, str]
    """What imports made of a name: `sp` is `subprocess`."""
    owners: Mapping[ast.AST, Function]
    """The innermost function round a node; what is not in one is not here."""
    values: Mapping[tuple[ast.AST, str], Sequence[ast.expr]]
    """Every expression that a function or the module gives a name."""
    request_values: frozenset[ast.expr]
    """Expressions that carry what a visitor sent."""

    def all(self, kind: type[NodeT]) -> Iterator[NodeT]:
        """The nodes of one kind."""
        return (node for node in self.kinds.get(kind, ()) if isinstance(node, kind))

    def calls(self, *origins: str) -> Iterator[ast.Call]:
        """The calls of something by its full name: `calls("subprocess.run")`."""
        return (call for call in self.all(ast.Call) if self.origin(call.func) in origins)

    def origin(self, node: ast.AST) -> str:
        """The full name of what an expression names, such as "subprocess.run"; empty for anything else."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.origin(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return ""

    def value(self, node: ast.expr) -> ast.expr:
        """The expression behind a name that is given one value; other expressions, and names that change, as they are."""
        for _ in range(_MAX_STEPS):
            if not isinstance(node, ast.Name):
                break
            owner = self.owners.get(node)
            found = () if owner is None else self.values.get((owner, node.id), ())
            if not found and node.id not in parameters(owner):
                found = self.values.get((self.tree, node.id), ())
            if len(found) != 1:
                break
            node = found[0]
        return node

    def text(self, node: ast.expr | None) -> str | None:
        """The text that an expression or the name of one holds, if it is written in the file."""
        value = None if node is None else self.value(node)
        return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None

    def has_request_value(self, node: ast.AST | None) -> bool:
        """Whether what a visitor sent is part of an expression."""
        return node is not None and isinstance(node, ast.expr) and node in self.request_values

    def imports(self, *libraries: str) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
        """The imports of a library or of something below it, with the name of what is imported."""
        for plain in self.all(ast.Import):
            yield from ((plain, alias.name) for alias in plain.names if is_below(alias.name, libraries))
        for node in self.all(ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if not node.level and is_below(name, libraries):
                    yield node, name


def read_module(file: Path) -> Module:
    """Read a file; raises `UnreadableError`."""
    try:
        if not file.is_file():
            raise UnreadableError("It is no file.")
        with file.open("rb") as opened:
            source = opened.read(MAX_BYTES + 1)
        if len(source) > MAX_BYTES:
            raise UnreadableError(f"The file is longer than {MAX_BYTES} bytes.")
        return make_module(ast.parse(source))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnreadableError(f"Python cannot read it: {error}") from None


def make_module(tree: ast.Module) -> Module:
    """Put together what rules ask about a tree."""
    nodes: list[ast.AST] = []
    owners: dict[ast.AST, Function] = {}
    _collect(tree, None, nodes, owners)
    kinds: dict[type[ast.AST], list[ast.AST]] = {}
    values: dict[tuple[ast.AST, str], list[ast.expr]] = {}
    for node in nodes:
        kinds.setdefault(type(node), []).append(node)
        for name, value in assigned(node):
            values.setdefault((owners.get(node, tree), name), []).append(value)
    names = dict(_imported(nodes))
    return Module(
        tree=tree,
        nodes=nodes,
        kinds=kinds,
        names=names,
        owners=owners,
        values=values,
        request_values=request_values(nodes, names),
    )


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value of a keyword argument."""
    return next((each.value for each in call.keywords if each.arg == name), None)


def argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    """The value of an argument that may stand at a position or behind its name."""
    if len(call.args) > position and not any(isinstance(each, ast.Starred) for each in call.args[: position + 1]):
        return call.args[position]
    return keyword(call, name)


def method(call: ast.Call) -> str:
    """The last part of the name that is called: "execute" for `session.execute(…)`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def parameters(function: Function | None) -> frozenset[str]:
    """The names of what a function takes."""
    if function is None:
        return frozenset()
    return frozenset(node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg))


def is_true(node: ast.expr | None) -> bool:
    """Whether an expression is just True."""
    return isinstance(node, ast.Constant) and node.value is True


def is_false(node: ast.expr | None) -> bool:
    """Whether an expression is just False."""
    return isinstance(node, ast.Constant) and node.value is False


def is_none(node: ast.expr | None) -> bool:
    """Whether an expression is just None."""
    return isinstance(node, ast.Constant) and node.value is None


def is_below(name: str, libraries: Iterable[str]) -> bool:
    """Whether a full name belongs to one of these libraries."""
    return any(name == library or name.startswith(f"{library}.") for library in libraries)


def assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names to which a statement gives a value, with the value; behind `with` that is what was opened."""
    if isinstance(node, ast.Assign):
        yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        if isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value
    elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
        yield node.optional_vars.id, node.context_expr


def _collect(node: ast.AST, owner: Function | None, nodes: list[ast.AST], owners: dict[ast.AST, Function]) -> None:
    nodes.append(node)
    if owner is not None:
        owners[node] = owner
    inner = node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else owner
    for child in ast.iter_child_nodes(node):
        _collect(child, inner, nodes, owners)


def _imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (first, first)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield from ((alias.asname or alias.name, f"{origin}.{alias.name}") for alias in node.names)
