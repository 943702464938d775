"""Which file may import which library: an optional or exchangeable one is known to one file only.

import-linter says the same of whole floors; this table is finer, and it is exhaustive: a library that is not in it may
not be imported at all, so that nothing comes in without a line here and one in docs/decisions.
"""

import ast
import fnmatch
import sys
from functools import cache

import pytest

from tests.layers.source import TREES

# Library → patterns of the files (below src/fastness) that may import it.
HOMES: dict[str, tuple[str, ...]] = {
    "aiosmtplib": ("mail/*",),
    "alembic": ("db/*", "auth/migrations/*"),
    "argon2": ("auth/*",),
    "bcrypt": ("auth/*",),
    "asyncpg": ("db/*", "stores/*", "auditlog/*", "testing/superuser.py"),
    "bandit": ("audit/*",),
    "cryptography": ("auth/*",),
    "cyclonedx": ("audit/*",),
    "dotenv": ("settings/*",),
    "granian": ("cli/*",),
    "httpcore2": ("outbound/*",),
    "httpx2": ("testing/*",),
    "jinja2": ("html/*", "web/*"),
    "markupsafe": ("html/*", "web/*"),
    "nh3": ("html/*",),
    "playwright": ("testing/*",),
    "packageurl": ("audit/*",),
    "packaging": ("audit/*",),
    "pytest": ("testing/*",),
    "python_multipart": ("web/*",),
    "rich": ("cli/*",),
    "segno": ("accounts/*",),
    "sqlalchemy": (
        "db/*",
        "authz/*",
        "mail/*",
        "auth/*",
        "web/*",
        "accounts/*",
        "app.py",
        "checks/people.py",
        "checks/rowsecurity.py",
        "services/*",
        "cli/*",
        "testing/*",
    ),
    "starlette": ("web/*", "accounts/*", "app.py", "cli/*", "testing/*"),
    "typer": ("cli/*",),
    "uvicorn": ("cli/*", "testing/*"),
    "webauthn": ("auth/*",),
    "wtforms": ("web/*", "accounts/*"),
}
# Libraries that could be exchanged for another in an afternoon, because one file knows them.
ONE_FILE = (
    "aiosmtplib",
    "bandit",
    "bcrypt",
    "cryptography",
    "cyclonedx",
    "packageurl",
    "segno",
    "webauthn",
    "dotenv",
    "granian",
    "nh3",
    "python_multipart",
    "uvicorn",
    "playwright",
)


def imports_of(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found - sys.stdlib_module_names - {"fastness"}


@cache
def libraries_of_files() -> dict[str, set[str]]:
    return {file: imports_of(tree) for file, tree in TREES.items()}


@pytest.mark.asvs("V11.2.1")
def test_a_file_imports_only_libraries_that_may_be_known_there():
    wrong = [
        (file, name)
        for file, libraries in libraries_of_files().items()
        for name in libraries
        if not any(fnmatch.fnmatch(file, home) for home in HOMES.get(name, ()))
    ]
    assert wrong == []


@pytest.mark.parametrize("library", ONE_FILE)
def test_an_exchangeable_library_is_known_to_one_file(library):
    assert len([file for file, libraries in libraries_of_files().items() if library in libraries]) <= 1


def test_no_import_is_relative():
    relative = [
        file
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []
