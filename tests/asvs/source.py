"""What the framework's source imports and calls, read and not run."""

import ast
from collections.abc import Iterator
from pathlib import Path

import fastness

FOLDER = Path(fastness.__file__).parent


# Read at once, while no test runs: Python 3.11 stumbles over a parser beside a thread that parses, too.
TREES = {
    file.relative_to(FOLDER).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
    for file in sorted(FOLDER.rglob("*.py"))
    if "project" not in file.relative_to(FOLDER).parts
}
"""Every file of the framework, but for the templates of new projects."""


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
