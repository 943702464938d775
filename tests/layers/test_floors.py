"""Each part, imported where only the floors below it are, brings along its own libraries and nothing from above.

An interpreter loads floor after floor, and forks before each for each of its parts.
"""

import json
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions

import pytest

from tests.layers.source import SOURCE, modules_of

# From the ground up; parts in one row do not know each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("kernel",),
    ("db", "html"),
    ("stores", "auditlog"),
    ("sessions", "uploads", "authz", "mail", "outbound", "tripwires"),
    ("auth",),
    ("web",),
    ("accounts", "admin"),
    ("settings",),
    ("checks", "audit", "probe"),
    ("reports",),
    ("services",),
    ("declaration",),
    ("app",),
    ("cli", "testing"),
)
# What a part itself may bring along; it may also bring what the parts below it bring.
LIBRARIES: dict[str, frozenset[str]] = {
    "kernel": frozenset(),
    # mako, which Alembic writes new migrations with, takes pygments along where it is installed.
    "db": frozenset({
        "alembic", "asyncpg", "greenlet", "mako", "markupsafe", "pygments", "sqlalchemy", "typing_extensions",
    }),
    "html": frozenset({"jinja2", "markupsafe", "nh3"}),
    "stores": frozenset(),
    "auditlog": frozenset(),
    "sessions": frozenset(),
    "mail": frozenset({"aiosmtplib"}),
    # httpcore2 takes trio along where it is installed, as it is for the tests.
    "outbound": frozenset({
        "anyio", "h11", "httpcore2", "idna", "sniffio", "truststore", "attr", "attrs", "outcome", "sortedcontainers", "trio",
    }),
    # webauthn brings pyOpenSSL and pyasn1 for attestations, which nobody asks for here.
    "auth": frozenset({
        "argon2", "_argon2_cffi_bindings", "_cffi_backend", "cffi", "bcrypt", "cryptography", "webauthn", "cbor2", "OpenSSL",
        "pyasn1", "pyasn1_modules",
    }),
    "web": frozenset({"anyio", "idna", "python_multipart", "sniffio", "starlette", "wtforms"}),
    "accounts": frozenset({"segno"}),
    "settings": frozenset({"dotenv"}),
    "checks": frozenset(),
    # The extra `audit`. Nothing of it is imported before the command asks: bandit's plugin and the SBOM are files of their own.
    "audit": frozenset({
        "bandit", "boolean", "cyclonedx", "defusedxml", "license_expression", "packageurl", "packaging", "py_serializable",
        "rich", "stevedore", "yaml",
    }),
    "services": frozenset(),
    "app": frozenset(),
    "cli": frozenset({
        "annotated_doc", "annotated_types", "click", "granian", "markdown_it", "mdurl", "pydantic", "pydantic_core",
        "pygments", "rich", "shellingham", "typer", "typing_inspection", "uvloop", "watchfiles",
    }),
    "testing": frozenset({
        "_pytest", "certifi", "h11", "httpcore2", "httpx2", "iniconfig", "packaging", "playwright", "pluggy", "pyee",
        "pygments", "pytest", "truststore",
    }),
}  # fmt: skip
# Parts that read and write bytes on the hot path start without the ORM.
WITHOUT_SQLALCHEMY = ("kernel", "html", "stores", "auditlog", "sessions")

LOOK = """
import importlib, json, os, sys

def look(modules):
    before = set(sys.modules)
    for name in modules:
        importlib.import_module(name)
    new = {module.partition(".")[0] for module in set(sys.modules) - before}
    own = {module.split(".")[1] for module in sys.modules if module.startswith("fastness.")}
    return {"libraries": sorted(new - {"fastness"}), "parts": sorted(own)}

seen = {}
below = []
for row in json.load(sys.stdin):
    look(below)
    for part, modules in row.items():
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.write(writing, json.dumps(look(modules)).encode())
            os._exit(0)
        os.close(writing)
        with open(reading) as answer:
            seen[part] = answer.read()
        if os.waitpid(child, 0)[1]:
            sys.exit(f"{part} cannot be loaded")
    below = [name for modules in row.values() for name in modules]
print(json.dumps(seen))
"""


@cache
def installed() -> frozenset[str]:
    """What the installed packages hold."""
    return frozenset(packages_distributions())


def climb(rows: list[dict[str, list[str]]]) -> dict[str, dict[str, set[str]]]:
    """What the modules of each part bring along in an interpreter that has loaded the rows before."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOOK], input=json.dumps(rows), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = {
        part: {key: set(value) for key, value in json.loads(answer).items()}
        for part, answer in json.loads(done.stdout).items()
    }
    # Only what an installed package holds counts: compilers and the standard library leave names of their own.
    for each in seen.values():
        each["libraries"] &= installed()
    return seen


def look(*names: str) -> dict[str, set[str]]:
    """What these modules bring along in a fresh interpreter."""
    return climb([{"": list(names)}])[""]


@cache
def climbed() -> dict[str, dict[str, set[str]]]:
    return climb([{part: modules for part in row if (modules := modules_of(part))} for row in FLOORS])


def existing() -> list[tuple[int, str]]:
    return [(floor, part) for floor, row in enumerate(FLOORS) for part in row if modules_of(part)]


def test_every_part_stands_on_a_floor():
    parts = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert parts - {"__init__", "__main__"} <= {part for row in FLOORS for part in row}


@pytest.mark.parametrize(("floor", "part"), [pytest.param(floor, part, id=part) for floor, part in existing()])
def test_a_part_brings_along_only_what_its_floor_allows(floor, part):
    seen = climbed()[part]
    below = {name for row in FLOORS[:floor] for name in row}
    assert seen["parts"] - below - {part} == set(), "a part above or beside came along"
    allowed = frozenset().union(*(LIBRARIES.get(name, frozenset()) for name in {*below, part}))
    assert seen["libraries"] - allowed == set()


def test_the_kernel_is_the_standard_library_and_nothing_else():
    assert climbed()["kernel"] == {"libraries": set(), "parts": {"kernel"}}


def test_one_kernel_module_loads_only_the_kernel():
    assert look("fastness.kernel.csrf") == {"libraries": set(), "parts": {"kernel"}}


def test_importing_the_package_loads_only_what_loads_the_rest():
    script = "import sys, fastness; print(*(name for name in sys.modules if name.startswith('fastness.')))"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fastness.kernel", "fastness.kernel.loading"]
    assert look("fastness")["libraries"] == set()


@pytest.mark.parametrize("part", WITHOUT_SQLALCHEMY)
def test_the_hot_path_starts_without_the_orm(part):
    assert "sqlalchemy" not in look(*modules_of(part))["libraries"]
