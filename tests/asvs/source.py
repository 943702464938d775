"""What the framework's source imports and calls, read and not run."""

import ast
from collections.abc import Iterator

from tests.layers.source import TREES


def imports() -> Iterator[tuple[str, str]]:
    """Each import, as file and dotted name."""
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((file, f"{node.module}.{alias.name}") for alias in node.names)


def importers_of(*modules: str) -> set[str]:
    """The files that import any of these modules, or something of them."""
    return {file for file, name in imports() if any(name == each or name.startswith(f"{each}.") for each in modules)}
