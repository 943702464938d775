"""The modules of the package, for the tests that look at all of them."""

import ast
from pathlib import Path

import fastness

SOURCE = Path(fastness.__file__).parent
# Scripts that run when they are imported, and the template of somebody else's project.
NOT_IMPORTED = frozenset({"__main__", "migrations", "project"})
# Read at once, while no test runs: Python 3.11 stumbles over a parser beside a thread that parses, too.
TREES = {
    file.relative_to(SOURCE).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
    for file in sorted(SOURCE.rglob("*.py"))
    if "project" not in file.relative_to(SOURCE).parts
}
"""Every file of the package, but for the template of new projects, which is somebody else's program."""


def modules_below(folder: Path) -> list[str]:
    found = []
    for file in sorted(folder.rglob("*.py")):
        names = file.relative_to(SOURCE.parent).with_suffix("").parts
        if all(name.isidentifier() for name in names) and not NOT_IMPORTED & set(names):
            found.append(".".join(names).removesuffix(".__init__"))
    return found


def modules_of(part: str) -> list[str]:
    return [f"fastness.{part}"] if (SOURCE / f"{part}.py").exists() else modules_below(SOURCE / part)


def every_module() -> list[str]:
    return modules_below(SOURCE)
