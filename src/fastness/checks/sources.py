"""Where an app's Python code vouches for HTML and addresses: each call, with its file, line and reason.

Only the text of the files is read (`ast`), nothing is imported. A call is recognised by its name, as a person searching for it
would: `insecure_from` of anything, and `Markup(…)` round something that is not written in the code. Code that hides such a
call behind another name is not found; the author is trusted, and makes mistakes. ASVS 5.0: V15.1.5, V1.1.2.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from fastness.kernel.pythonfiles import MAX_BYTES, python_files
from fastness.kernel.values import dataclass

INSECURE: Final = "insecure_from"
MARKUP: Final = "Markup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """One such call."""

    file: Path
    line: int
    call: str
    """`SafeHTML.insecure_from`, or `Markup`."""
    reason: str
    """As it is written; empty where none is needed or none can be read."""


def vouched(folders: Iterable[Path]) -> list[Vouched]:
    """The calls in all Python files of these folders, or in single files, in the order of their paths."""
    files = sorted({file for folder in folders for file in python_files(folder)})
    return [found for file in files for found in _in_file(file)]


def _in_file(file: Path) -> Iterator[Vouched]:
    try:
        source = file.read_bytes()
        if len(source) > MAX_BYTES:
            return
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return  # Python itself will say so when the file is imported
    reasons = _named_reasons(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        last = name.rpartition(".")[2]
        if last == INSECURE or (last == MARKUP and node.args and not isinstance(node.args[0], ast.Constant)):
            because = next((keyword.value for keyword in node.keywords if keyword.arg == "because"), None)
            yield Vouched(file=file, line=node.lineno, call=name, reason=_reason(because, reasons))


def _named_reasons(tree: ast.Module) -> dict[str, str]:
    """Reasons that a file gives a name: `REASON = Because("…")`."""
    found = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.Call):
            found[target.id] = _reason(value, {})
    return found


def _reason(node: ast.expr | None, named: dict[str, str]) -> str:
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        return str(node.args[0].value)
    if isinstance(node, ast.Name) and named.get(node.id):
        return named[node.id]
    return "" if node is None else ast.unparse(node)
