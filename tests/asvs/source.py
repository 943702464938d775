"""What the framework's source imports and calls, read and not run."""

import ast
from functools import cache

from tests.layers.source import TREES


@cache
def imports() -> tuple[tuple[str, str], ...]:
    """Each import, as file and dotted name."""
    found: list[tuple[str, str]] = []
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found += [(file, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found += [(file, f"{node.module}.{alias.name}") for alias in node.names]
    return tuple(found)


def importers_of(*modules: str) -> set[str]:
    """The files that import any of these modules, or something of them."""
    return {file for file, name in imports() if any(name == each or name.startswith(f"{each}.") for each in modules)}
