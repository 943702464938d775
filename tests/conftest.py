"""What holds for every test: no settings of the developer's shell, no sockets unless marked, none beyond this machine.

A test that is marked `sockets` or `browser`, or lies in one of the folders of LIVE, may talk to this machine.
How the tests are divided among processes, tests/workers.py says.
"""

import contextlib
import functools
import gc
import json
import os
import shutil
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fastness.authz.registry import registry
from fastness.testing.postgres import PostgresServer, postgres_server
from tests.compiled_once import compile_once
from tests.forkserver import ForkServer, fork_server
from tests.memory_files import use_memory
from tests.workers import FileScheduling, Producer, turn_of

ROOT = Path(__file__).resolve().parent.parent
LIVE = frozenset({"attacks", "browser", "project"})
REQUIREMENTS = frozenset(
    row["id"] for row in json.loads((ROOT / "src/fastness/checks/asvs.json").read_text(encoding="utf-8"))
)
LOCAL = frozenset({"127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "", None})

# No deadline and no complaint about slowness: timing is measured in benchmarks, never asserted here. The same examples each
# time, or a change would fail for what it did not change; `--hypothesis-profile=search` tries others.
settings.register_profile("search", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fastness", settings.get_profile("search"), derandomize=True)
settings.load_profile("fastness")


@dataclass
class Sockets:
    """What the running test may do; read by the audit hook, which is told of every socket whatever library opens it."""

    is_open: bool = True


SOCKETS = Sockets()


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.bind"}:
        address = arguments[1]
        if not isinstance(address, tuple):
            return  # a unix socket or a pipe: the event loop has those
        host = address[0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode("ascii", errors="replace")
    if host not in LOCAL and not (isinstance(host, str) and host.endswith(".localhost")):
        message = f"a test tried to reach {host!r}, which is not this machine"
        raise PermissionError(message)
    if not SOCKETS.is_open:
        message = "a test without the mark `sockets` opened one"
        raise PermissionError(message)


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.startswith("FASTNESS_")]:
        del os.environ[name]
    use_memory()
    sys.addaudithook(watch)
    compile_once()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests come to stay. To look for garbage among them took half of the time, and again and again later on."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@functools.cache
def part_of(path: Path) -> str:
    """The folder of tests that a file is in, such as `browser`."""
    return path.relative_to(ROOT / "tests").parts[0] if path.is_relative_to(ROOT / "tests") else ""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileScheduling:
    return FileScheduling(config, log)


@pytest.hookimpl(wrapper=True)  # the files come shuffled
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    for item in items:
        part = part_of(item.path)
        if part in LIVE:
            item.add_marker("sockets")
        if part == "browser":
            item.add_marker("browser")
        if item.get_closest_marker("browser"):
            item.add_marker("sockets")
        for mark in item.iter_markers("asvs"):
            if unknown := set(mark.args) - REQUIREMENTS:
                message = f"{item.nodeid} names {sorted(map(str, unknown))}, which ASVS 5.0 does not have"
                raise pytest.UsageError(message)
    yield
    if hasattr(config, "workerinput"):
        items.sort(key=turn_of)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    SOCKETS.is_open = item.get_closest_marker("sockets") is not None
    try:
        return (yield)
    finally:
        SOCKETS.is_open = True


@pytest.fixture(autouse=True)
def demo_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's policies, in this process with its own tests, ask for rules that no other database of the tests has."""
    if "casebook.policies" in sys.modules:
        policies = [type(policy) for policy in registry().policies.values()]
        for policy in policies:
            if policy.__module__ == "casebook.policies":
                monkeypatch.setattr(policy, "row_security", False)
        monkeypatch.setattr(registry(), "has_row_security", any(policy.row_security for policy in policies))


@pytest.fixture(scope="session")
def running_postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests of this process; it starts when the first one asks for it."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    """Runs commands in processes of their own, faster than a fresh interpreter would."""
    with fork_server() as server:
        yield server


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project, to be copied."""
    # Here, for it brings the library of the commands: most tests do without.
    from fastness.cli.creating import create_project

    folder = tmp_path_factory.mktemp("made")
    with contextlib.chdir(folder):
        create_project("shop")
    return folder / "shop"


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A new project of the test's own."""
    return shutil.copytree(made, tmp_path / "shop")


@pytest.fixture(scope="session")
def postgres_database(running_postgres: PostgresServer) -> str:
    """The name of the database that the tests of this process use one after the other."""
    return running_postgres.create_database()


@pytest.fixture
def postgres_url(running_postgres: PostgresServer, postgres_database: str) -> Iterator[str]:
    """The address of an empty database, as its owner. Roles belong to the server: a test drops those it makes."""
    yield running_postgres.url(postgres_database)
    running_postgres.empty_database(postgres_database)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh, empty database of either kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/app.db"
