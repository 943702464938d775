"""`users tokens` on the command line."""

import json
import os
import re

import pytest

PASSWORD = "a long pass phrase of the tests\n"
MAKE = """
import asyncio
from fastness.auth.users import find_user
from shop.app import app

async def main():
    await app.services.open()
    async with app.services.open_unit(is_read_only=False) as unit:
        user = await find_user(unit.session, "ada")
        await app.services.tokens.create(unit.session, user, name="nightly", days=3)
    await app.services.close()

asyncio.run(main())
"""


@pytest.fixture
def token_id(run, project, forks):
    """A project with a database, a person and a token."""
    assert run("db", "upgrade").returncode == 0
    assert run("users", "create", "ada", "--password-stdin", stdin=PASSWORD).returncode == 0
    assert forks.run("-c", MAKE, folder=project, environ=os.environ).returncode == 0
    (token,) = json.loads(run("users", "tokens", "ada", "--json").stdout)
    return token["id"]


def test_tokens_are_listed_and_revoked(run, token_id):
    listed = run("users", "tokens", "ada").stdout
    assert "nightly" in listed
    assert not re.search("fst_", listed)
    assert run("users", "tokens", "ada", "--revoke", token_id).stdout == f"Revoked the token {token_id}.\n"
    assert json.loads(run("users", "tokens", "ada", "--json").stdout) == []
    again = run("users", "tokens", "ada", "--revoke", token_id)
    assert (again.returncode != 0, "no such token" in again.stderr) == (True, True)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("nobody",), id="no-such-user"),
        pytest.param(("ada", "--revoke", "x"), id="no-id"),
    ],
)
def test_what_is_not_there_is_told(run, token_id, arguments):
    done = run("users", "tokens", *arguments)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
