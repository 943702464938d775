"""Finds the tests that prove a requirement of ASVS, by reading the tests' source: nothing is imported, nothing is run.

A test proves a requirement by its name (`test_v6_2_1_v6_2_9_how_long_a_password_is`: one id or several) or by its mark
(`@pytest.mark.asvs("V6.2.1", "V6.2.9")`, on the function or on its class).
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMED = re.compile(r"test_((?:v\d+_\d+_\d+_)+)")


def collect(tests: Path = ROOT / "tests") -> dict[str, tuple[str, ...]]:
    """Return, for each requirement that has any, the tests by the ids that pytest takes."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(tests.rglob("test_*.py")):
        for requirement, test in proofs_in(file.read_text(encoding="utf-8")):
            found[requirement].append(f"{file.relative_to(tests.parent).as_posix()}::{test}")
    return {requirement: tuple(found[requirement]) for requirement in sorted(found, key=order)}


def order(requirement: str) -> tuple[int, ...]:
    """Return what sorts V2 before V10."""
    return tuple(int(part) for part in requirement.removeprefix("V").split("."))


def proofs_in(source: str) -> Iterator[tuple[str, str]]:
    """Yield each requirement with the test that proves it, in the order of the file."""
    if "asvs" not in source and not NAMED.search(source):
        return
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                for requirement in requirements_of(inner) | marks_of(node):
                    if is_test(inner):
                        yield requirement, f"{node.name}::{inner.name}"
        elif is_test(node):
            for requirement in sorted(requirements_of(node), key=order):
                yield requirement, node.name


def is_test(node: ast.stmt) -> bool:
    """Return whether pytest would collect it as a test."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


def requirements_of(node: ast.stmt) -> set[str]:
    """Return what this test's own name and marks say."""
    if not is_test(node):
        return set()
    named = NAMED.match(node.name)
    words = named.group(1).rstrip("_").split("_v") if named else []
    return marks_of(node) | {"V" + word.removeprefix("v").replace("_", ".") for word in words}


def marks_of(node: ast.stmt) -> set[str]:
    """Return the requirements that the marks on a function or class name."""
    return {
        str(argument.value)
        for decorator in getattr(node, "decorator_list", ())
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.asvs"
        for argument in decorator.args
        if isinstance(argument, ast.Constant)
    }
