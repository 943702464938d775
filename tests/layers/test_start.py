"""What an app loads before it has answered anybody: the first response waits for all of it."""

import ast
import subprocess
import sys

from tests.layers.source import TREES

LATE = (
    "sqlalchemy",
    "alembic",
    "asyncpg",
    "jinja2",
    "argon2",
    "bcrypt",
    "cryptography",
    "webauthn",
    "segno",
    "aiosmtplib",
    "dotenv",
    "fastness.accounts",
    "fastness.web.sealing",
    "fastness.web.validators",
    "starlette.applications",
    "difflib",
    "gzip",
    "decimal",
)


def test_the_app_is_imported_without_what_its_first_response_does_not_need():
    script = f"import sys, fastness.app; print(*(name for name in {LATE} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# Apps inherit from them.
WRITTEN_AT_ONCE = {"web/validators.py"}


def test_the_methods_of_values_are_written_when_they_are_used():
    assert {file for file, tree in TREES.items() if makes_values_at_once(tree)} == WRITTEN_AT_ONCE


def makes_values_at_once(tree: ast.Module) -> bool:
    """Whether all that the file takes the standard library's `dataclass` for are values."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "dataclasses"]
    if not any(each.name == "dataclass" for node in imports for each in node.names):
        return False
    decorators = [
        ast.unparse(each) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for each in node.decorator_list
    ]
    made = [each for each in decorators if each.startswith("dataclass(")]
    return bool(made) and all("frozen=True, slots=True" in each for each in made)
