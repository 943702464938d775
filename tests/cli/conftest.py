"""Commands run in a process of their own, as people run them: the app they load is nobody else's."""

import os

import pytest


@pytest.fixture
def run(project, forks):
    """Run a command in the project; the environment holds nothing of the developer's."""

    def run_command(*arguments, folder=project, stdin="", **environ):
        environ = {"PATH": os.environ["PATH"], **environ}
        return forks.run("-m", "fastness.cli", *arguments, folder=folder, environ=environ, stdin=stdin)

    return run_command


@pytest.fixture
def run_there(run, database_url):
    """Run a command on a database of either kind."""
    # On a server the store lies beside the data.
    store = {"FASTNESS_STORE_URL": database_url} if database_url.startswith("postgresql") else {}

    def run_command(*arguments, **options):
        return run(*arguments, FASTNESS_DATABASE_URL=database_url, **store, **options)

    return run_command


DEPLOYED = {
    "FASTNESS_PROFILE": "production",
    "FASTNESS_HOSTS": "shop.example.com",
    "FASTNESS_PROXY_TRUSTED": "10.0.0.7",
}
