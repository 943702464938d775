"""`fastness routes --matrix` on a new project: the table, the lock file, and what fails when the two part."""

import json
import re

import pytest

from tests.cli.conftest import DEPLOYED


def change(project, before, after):
    file = project / "shop/app.py"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))


def test_a_new_project_has_the_lock_file_of_its_routes(run):
    done = run("routes", "--matrix", "--check")
    assert (done.returncode, done.stderr) == (0, "")
    done = run("routes", "--matrix", "--write")
    assert (done.returncode, done.stdout) == (0, "access.lock is up to date.\n")


def test_the_table(run):
    done = run("routes", "--matrix")
    assert done.returncode == 0
    assert re.search(r"^path +methods +anonymous +signed in +rule$", done.stdout, re.MULTILINE)
    assert re.search(r"^/desk +GET, HEAD +denied +allowed +signed_in$", done.stdout, re.MULTILINE)
    rows = {(row["path"], *row["methods"]): row for row in json.loads(run("routes", "--matrix", "--json").stdout)}
    assert rows["/desk", "GET", "HEAD"]["matrix"]["anonymous"] == {"outcome": "denied", "proofs": []}


def test_declared_roles_have_columns(run, project):
    change(project, "access=access.signed_in", 'access=access.role("staff") | access.role("editors")')
    file = project / "pyproject.toml"
    file.write_text(f'{file.read_text()}\n[tool.fastness.roles]\nreaders = ["pages.read"]\n')
    done = run("routes", "--matrix", "--json")
    (desk,) = [row for row in json.loads(done.stdout) if row["path"] == "/desk"]
    outcomes = {title: cell["outcome"] for title, cell in desk["matrix"].items()}
    assert outcomes == {
        "anonymous": "denied",
        "signed in": "denied",
        "role editors": "allowed",
        "role readers": "denied",
        "role staff": "allowed",
        "role superuser": "denied",
    }


def test_roles_that_cannot_be_read_are_named(run, project):
    file = project / "pyproject.toml"
    file.write_text(f'{file.read_text()}\n[tool.fastness.roles]\nreaders = "pages.read"\n')
    done = run("routes", "--matrix")
    assert (done.returncode, "[tool.fastness.roles]" in done.stderr) == (1, True)


def test_a_lost_rule_fails_until_it_is_written_down(run, project):
    change(project, "access=access.signed_in", "access=access.public")
    done = run("routes", "--matrix", "--check")
    assert done.returncode == 1
    assert "GET,HEAD /desk" in done.stderr
    assert "signed_in" in done.stderr
    assert run("check", **DEPLOYED).returncode == 1
    report = json.loads(run("check", "--json", **DEPLOYED).stdout)
    assert ("FST-ACCESS-001", "GET,HEAD /desk") in {(one["id"], one["where"]) for one in report["findings"]}
    run("db", "upgrade", **DEPLOYED)
    served = run("serve", **DEPLOYED)
    assert (served.returncode, "FST-ACCESS-001" in served.stderr) == (1, True)
    assert run("routes", "--matrix", "--write").returncode == 0
    assert run("routes", "--matrix", "--check").returncode == 0
    assert run("check", **DEPLOYED).returncode == 0


def test_without_a_lock_file_the_check_says_so_and_passes(run, project):
    (project / "access.lock").unlink()
    done = run("check", **DEPLOYED)
    assert (done.returncode, "FST-ACCESS-002" in done.stdout) == (0, True)
    done = run("routes", "--matrix", "--check")
    assert (done.returncode, "--write" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--write",), id="write-without-matrix"),
        pytest.param(("--matrix", "--write", "--check"), id="two-at-once"),
        pytest.param(("--matrix", "--check", "--json"), id="check-as-json"),
    ],
)
def test_options_that_do_not_go_together(run, options):
    assert run("routes", *options).returncode == 2


def test_the_roles_of_the_database_have_columns_with_what_they_permit(run, project):
    done = run("routes", "--matrix", "--database")
    assert (done.returncode, "fastness db upgrade" in done.stderr) == (1, True)
    change(project, "import Fastness, Request", "import Fastness, Permissions, Request")
    change(project, "routes = Routes()", DECLARED)
    change(project, "access=access.signed_in", 'access=access.permission("pages.read")')
    change(project, "routes=[routes],", "routes=[routes],\n    permissions=[PagePermissions],")
    assert run("db", "upgrade").returncode == 0
    for line in (("create", "readers", "--permission", "pages.read"), ("create", "guests")):
        done = run("roles", *line)
        assert done.returncode == 0, done.stderr
    done = run("routes", "--matrix", "--database", "--json")
    assert done.returncode == 0, done.stderr
    (desk,) = [row for row in json.loads(done.stdout) if row["path"] == "/desk"]
    outcomes = {title: cell["outcome"] for title, cell in desk["matrix"].items()}
    assert (outcomes["role readers"], outcomes["role guests"]) == ("allowed", "denied")
    assert outcomes["role superuser"] == "allowed"


DECLARED = """routes = Routes()


class PagePermissions(Permissions):
    READ = "pages.read", "May read the pages."
"""
