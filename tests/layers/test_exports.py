"""The root's lazy table, its stub and its `dir()` agree, and every name in them is really there."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fastness

ROOT = Path(fastness.__file__).parent


def names_in_stub() -> dict[str, str]:
    found = {}
    for node in ast.walk(ast.parse((ROOT / "__init__.pyi").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.asname == alias.name:  # the form by which a stub exports again
                    is_module = (
                        (ROOT.parent / f"{node.module}.{alias.name}".replace(".", "/")).with_suffix(".py").exists()
                    )
                    found[alias.name] = f"{node.module}.{alias.name}" if is_module else str(node.module)
    return found


def test_the_table_and_the_stub_agree():
    assert dict(fastness.HOMES) == names_in_stub()


def test_dir_names_every_export():
    assert set(fastness.HOMES) <= set(dir(fastness))


# A process for each home, in which nothing of the framework is loaded; the libraries that most of it needs are, once for all.
LOOK = """
import os, sys
import alembic.command, argon2, asyncpg, sqlalchemy.ext.asyncio, starlette.applications, wtforms
import fastness

for home in sorted(set(fastness.HOMES.values())):
    child = os.fork()
    if not child:
        for name in [name for name, each in fastness.HOMES.items() if each == home]:
            found = getattr(fastness, name)
            module = sys.modules[home]
            assert found is (getattr(module, name, module) if home.endswith("." + name) else getattr(module, name)), name
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(home)
"""


def test_an_export_is_the_object_of_its_module():
    done = subprocess.run([sys.executable, "-I", "-c", LOOK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], done.stderr


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        fastness.no_such_name  # type: ignore[attr-defined]  # noqa: B018  reading it is the test
