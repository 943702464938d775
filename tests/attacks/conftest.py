"""Servers for the attacks: one for each worker of pytest, started when the first test asks for it."""

import pytest

from fastness import Settings
from tests.attacks.site import deployed_site, environ_of, neighbour_of, running_site
from tests.attacks.target import seed


@pytest.fixture(scope="session")
def seeded(tmp_path_factory):
    """Tables and people, to be copied: hashing two passwords for every server would take the time."""
    folder = tmp_path_factory.mktemp("seeded")
    environ = {name: value for name, value in environ_of(folder).items() if name != "PYTHONPATH"}
    seed(Settings.load(environ=environ, folder=folder))
    return folder


@pytest.fixture(scope="session")
def site(seeded, tmp_path_factory):
    """The target on granian."""
    with running_site(seeded, tmp_path_factory.mktemp("granian")) as site:
        yield site


@pytest.fixture(scope="session")
def uvicorn_site(seeded, tmp_path_factory):
    """The target on uvicorn."""
    with running_site(seeded, tmp_path_factory.mktemp("uvicorn"), server="uvicorn") as site:
        yield site


@pytest.fixture(params=["granian", "uvicorn"])
def any_site(request):
    """The target on both servers, one after the other: what they let through differs."""
    return request.getfixturevalue("site" if request.param == "granian" else "uvicorn_site")


@pytest.fixture(scope="session")
def crowded_site(seeded, tmp_path_factory):
    """The target on granian, with two worker processes on the same two files."""
    with running_site(seeded, tmp_path_factory.mktemp("crowded"), workers=2) as site:
        yield site


@pytest.fixture(scope="session")
def neighbour(site):
    """Another server process on the files of `site`."""
    with neighbour_of(site) as neighbour:
        yield neighbour


@pytest.fixture(scope="session")
def deployed(seeded, tmp_path_factory):
    """The target as `fastness serve` runs it, with a certificate of a test's own authority."""
    with deployed_site(seeded, tmp_path_factory.mktemp("deployed")) as site:
        yield site
