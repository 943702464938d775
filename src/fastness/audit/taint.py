"""What of a function comes from its request: simple, local, and within one function.

A value is followed from `request.query`, `await request.json()` and the like through assignments, indexing, formatting and
the few functions that only carry a value on (`str`, `urljoin`, …). Any other call ends the trail, and so does a test such as
`if name in ALLOWED`: a rule that cries at every second line is switched off. What passes through another function, an
attribute of an object or the database is not found.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

_REQUEST_NAMES: Final = frozenset({"request", "websocket"})
_REQUEST_TYPES: Final = ("Request", "WebSocket", "Connection")
# What of a request its sender chose; `user`, `db`, `session`, `path_for` and so on are the server's.
_SENT: Final = frozenset(
    {
        "args", "body", "cookies", "data", "files", "form", "form_pairs", "headers", "json", "path_params", "query",
        "query_params", "receive_bytes", "receive_json", "receive_text", "stream", "text", "values", "GET", "POST",
    }
)  # fmt: skip
# Calls whose result is made of what goes in, and dangerous in the same way.
_CARRIERS: Final = frozenset(
    {
        "bytes", "dict", "list", "str", "tuple", "json.loads", "os.path.join", "os.path.normpath", "pathlib.Path",
        "pathlib.PurePath", "posixpath.join", "typing.cast", "urllib.parse.unquote", "urllib.parse.unquote_plus",
        "urllib.parse.urljoin",
    }
)  # fmt: skip
_PASSES: Final = 2
"""A loop may use a name above the line that gives it its value."""


def request_values(nodes: Iterable[ast.AST], imported: Mapping[str, str]) -> frozenset[ast.expr]:
    """The expressions of a file that carry what a visitor sent."""
    found: set[ast.expr] = set()
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (requests := _requests(node)):
            found |= _Trail(requests, imported).follow(node)
    return frozenset(found)


def _requests(function: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    given = function.args
    return frozenset(
        each.arg
        for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)
        if each.arg in _REQUEST_NAMES
        or (each.annotation is not None and ast.unparse(each.annotation).strip("\"'").endswith(_REQUEST_TYPES))
    )


class _Trail:
    """The names of one function that hold what was sent."""

    def __init__(self, requests: frozenset[str], imported: Mapping[str, str]) -> None:
        self._requests = requests
        self._imported = imported
        self._names: set[str] = set()
        self._found: set[ast.expr] = set()

    def follow(self, function: ast.AST) -> set[ast.expr]:
        checked = set(_tested_names(function))
        for _ in range(_PASSES):
            for target, value in _bindings(function):
                if self._carries(value):
                    self._names |= {
                        name.id for name in ast.walk(target) if isinstance(name, ast.Name) and name.id not in checked
                    }
        for node in ast.walk(function):
            if isinstance(node, ast.expr) and self._carries(node):
                self._found.add(node)
        return self._found

    def _carries(self, node: ast.AST) -> bool:
        match node:
            case ast.Name():
                return node.id in self._names
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in self._requests:
                return attribute in _SENT
            case ast.Attribute() | ast.Subscript() | ast.Await() | ast.Starred() | ast.FormattedValue():
                return self._carries(node.value)
            case ast.NamedExpr():
                return self._carries(node.value)
            case ast.Call():
                return self._call_carries(node)
            case ast.BinOp():
                return self._carries(node.left) or self._carries(node.right)
            case ast.IfExp():
                return self._carries(node.body) or self._carries(node.orelse)
            case ast.BoolOp() | ast.JoinedStr() | ast.Dict():
                return any(self._carries(value) for value in node.values)
            case ast.Tuple() | ast.List() | ast.Set():
                return any(self._carries(value) for value in node.elts)
        return False

    def _call_carries(self, call: ast.Call) -> bool:
        if isinstance(call.func, ast.Attribute) and self._carries(call.func):
            return True  # a method of what was sent: .get(…), .strip()
        name = ast.unparse(call.func) if isinstance(call.func, ast.Name | ast.Attribute) else ""
        first, dot, rest = name.partition(".")
        is_carrier = self._imported.get(first, first) + dot + rest in _CARRIERS
        if is_carrier or (isinstance(call.func, ast.Attribute) and call.func.attr in {"format", "join"}):
            return any(self._carries(each) for each in call.args) or any(
                self._carries(each.value) for each in call.keywords
            )
        return False


def _bindings(function: ast.AST) -> Iterator[tuple[ast.AST, ast.expr]]:
    for node in ast.walk(function):
        match node:
            case ast.Assign():
                yield from ((target, node.value) for target in node.targets if not isinstance(target, ast.Attribute))
            case ast.AnnAssign(value=ast.expr() as value) | ast.AugAssign(value=value) | ast.NamedExpr(value=value):
                yield node.target, value
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                yield node.target, node.iter
            case ast.withitem(optional_vars=ast.expr() as target):
                yield target, node.context_expr


def _tested_names(function: ast.AST) -> Iterator[str]:
    """Names that are compared with what is allowed: `if name in ALLOWED`, `if name not in …`."""
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and any(isinstance(each, ast.In | ast.NotIn) for each in node.ops):
            yield from (name.id for name in [node.left] if isinstance(name, ast.Name))
