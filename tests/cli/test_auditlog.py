"""The audit log on the command line: whole after ordinary work, and a changed row is named."""

import json
import sqlite3
from itertools import pairwise

import pytest

PASSWORD = "a long pass phrase of the tests\n"


@pytest.fixture
def shop(run):
    """A project in which somebody was made: that is an event."""
    assert run("db", "upgrade").returncode == 0
    assert run("users", "create", "ada", "--password-stdin", stdin=PASSWORD).returncode == 0
    return run


def execute(project, statement):
    connection = sqlite3.connect(project / "var" / "audit.sqlite3", isolation_level=None)
    connection.execute(statement)
    connection.close()


def test_what_a_command_does_is_in_the_audit_log(shop, project):
    done = shop("auditlog", "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("The audit log is whole: ")
    assert "user_created" in {json.loads(line)["event"] for line in shop("auditlog", "tail").stdout.splitlines()}
    assert (project / "var" / "audit.sqlite3").stat().st_mode & 0o077 == 0


def test_verify_names_the_row_and_fails(shop, project):
    execute(project, "UPDATE entry SET body = replace(body, 'user_created', 'user_updated') WHERE number = 1")
    done = shop("auditlog", "verify")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "Row 1: changed after it was written."
    report = json.loads(shop("auditlog", "verify", "--json").stdout)
    assert (report["whole"], report["problems"]) == (False, [{"harm": "changed", "first": 1, "last": 1}])


def test_export_begins_where_it_is_told(shop, project):
    shop("users", "create", "bob", "--password-stdin", stdin=PASSWORD)
    rows = [json.loads(line) for line in shop("auditlog", "export").stdout.splitlines()]
    assert [row["row"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(row["previous"] == before["link"] for before, row in pairwise(rows))
    later = shop("auditlog", "export", "--since", "2").stdout.splitlines()
    assert [json.loads(line)["row"] for line in later] == [row["row"] for row in rows[1:]]
    assert len(shop("auditlog", "tail", "-n", "1").stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        pytest.param((), {}, "There is no audit log", id="before-the-first-event"),
        pytest.param((), {"FASTNESS_AUDIT_URL": "off"}, "has no audit log", id="off"),
        pytest.param(("--log", "none.log"), {}, "cannot be read", id="no-log-file"),
        pytest.param(("--log", "pyproject.toml"), {}, "have no checkpoint", id="no-checkpoint"),
    ],
)
def test_what_cannot_be_verified_is_said(run, arguments, environ, message):
    done = run("auditlog", "verify", *arguments, **environ)
    assert done.returncode == 1
    assert message in done.stderr


def test_a_cut_tail_shows_by_the_log_file(shop, project):
    from fastness.auditlog.chain import GENESIS, seal_head
    from fastness.kernel.secret import Secret
    from fastness.kernel.signing import Keyring

    line = next(line for line in (project / ".env").read_text().splitlines() if line.startswith("FASTNESS_SECRET_KEY="))
    keyring = Keyring(Secret(line.partition("=")[2].strip("\"'")))
    head = seal_head(keyring, 99, GENESIS)
    record = {"logger": "fastness.audit", "message": "audit checkpoint", "row": 99}
    (project / "app.log").write_text(json.dumps({**record, "link": head.link.hex(), "seal": head.seal.hex()}))
    done = shop("auditlog", "verify", "--log", "app.log")
    assert done.returncode == 1
    assert "to 99: missing: the end of the log was cut off." in done.stdout or "Row 99" in done.stdout
