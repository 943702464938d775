"""Servers that the stories in a browser are told against; the browsers themselves live as long as one file's tests."""

import shutil
import sys

import pytest

from fastness import Settings
from fastness.testing.servers import free_port, running_server
from tests.attacks.site import ROOT, environ_of, running_site
from tests.attacks.target import seed
from tests.ready_made import CHEAP_PASSWORDS_ENVIRON


@pytest.fixture(scope="session")
def casebook(tmp_path_factory):
    """The demo as `fastness demo` starts it, in a copy of its folder; its address."""
    folder = tmp_path_factory.mktemp("demo") / "casebook"
    shutil.copytree(ROOT / "examples" / "casebook", folder, ignore=shutil.ignore_patterns("var", ".env", "__pycache__"))
    port = free_port()
    command = [sys.executable, "-m", "fastness.cli", "demo", "--port", str(port)]
    with running_server(command, port=port, folder=folder, environ=CHEAP_PASSWORDS_ENVIRON):
        yield f"http://localhost:{port}"


@pytest.fixture(scope="session")
def seeded(tmp_path_factory):
    """The data of the application of tests/attacks, to be copied for each server."""
    folder = tmp_path_factory.mktemp("seeded")
    environ = {name: value for name, value in environ_of(folder).items() if name != "PYTHONPATH"}
    seed(Settings.load(environ=environ, folder=folder))
    return folder


@pytest.fixture(scope="module")
def target(seeded, tmp_path_factory):
    """That application in the production profile but for TLS, with its log. Each file counts its own policy reports."""
    with running_site(seeded, tmp_path_factory.mktemp("target")) as site:
        yield site
