"""The commands as people type them: what they write, where, and their exit codes."""

import json
import re
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import DEPLOYED

PASSWORD = "a long pass phrase of the tests"


def test_help_names_every_command(run):
    done = run("--help")
    assert done.returncode == 0
    for name in ("new", "dev", "serve", "check", "routes", "demo", "users", "keys", "db"):
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((), id="group"),
        pytest.param(("users", "create"), id="command"),
        pytest.param(("serve",), id="server"),
    ],
)
def test_help_loads_no_heavy_library(run, project, arguments):
    code = (
        "import sys; from typer.testing import CliRunner; from fastness.cli.main import app;"
        f"done = CliRunner().invoke(app, {[*arguments, '--help']!r}); assert done.exit_code == 0, done.output;"
        "print([name for name in ('sqlalchemy', 'starlette', 'granian', 'argon2', 'rich') if name in sys.modules])"
    )
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        pytest.param(("new", "--help"), 0, id="help-of-a-command"),
        pytest.param(("keys", "--help"), 0, id="help-of-a-group"),
        pytest.param(("--version",), 0, id="version"),
        pytest.param(("serve", "--certfile", "x.pem"), 2, id="certificate-without-key"),
    ],
)
def test_how_a_command_ends_is_no_mistake_of_the_app(run, arguments, status):
    # A folder that holds what runs the command, as a home folder may.
    done = run(*arguments, folder=Path("/"))
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)


def test_version(run):
    done = run("--version")
    assert done.returncode == 0
    assert re.match(r"fastness \d+\.\d+\.\d+, Python 3\.", done.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("nonsense",), id="no-such-command"),
        pytest.param(("dev", "--port", "0"), id="no-such-port"),
        pytest.param(("serve", "--certfile", "x.pem"), id="certificate-without-key"),
        pytest.param(("keys", "new", "extra"), id="too-much"),
    ],
)
def test_a_line_that_makes_no_sense_is_exit_code_2(run, arguments):
    assert run(*arguments).returncode == 2


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        pytest.param({}, "FASTNESS_PROFILE=production", id="development"),
        pytest.param({"FASTNESS_PROFILE": "production"}, "FASTNESS_HOSTS=shop.example.com", id="no-hosts"),
        pytest.param({**DEPLOYED, "FASTNESS_SECRET_KEY": "changeme" * 8}, "fastness keys new", id="weak-key"),
        pytest.param({**DEPLOYED, "FASTNESS_PROXY_TRUSTED": ""}, "--certfile", id="nobody-ends-tls"),
        pytest.param(DEPLOYED, "fastness db upgrade", id="no-database"),
        pytest.param({**DEPLOYED, "FASTNESS_HOST": "x"}, "FASTNESS_HOSTS", id="misspelt"),
    ],
)
def test_serve_refuses_and_says_what_to_set(run, environ, says):
    done = run("serve", **environ)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("root", ["shop", "//evil.example", "/a/../b"])
def test_serve_refuses_a_root_path_that_is_no_path(run, root):
    done = run("serve", "--root-path", root, **DEPLOYED)
    assert (done.returncode, done.stdout) == (1, "")
    assert "root path" in done.stderr


def test_serve_refuses_a_database_that_cannot_be_opened(run, project):
    (project / "var").mkdir()
    (project / "var/data.sqlite3").write_text("something else altogether " * 100)
    (project / "var/data.sqlite3").chmod(0o600)
    done = run("serve", **DEPLOYED)
    assert (done.returncode, done.stdout) == (1, "")
    assert "FST-DATABASE-006" in done.stderr
    assert "not a database" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_of_a_project_on_the_desk_and_of_its_deployment(run):
    assert run("check").returncode == 1
    done = run("check", **DEPLOYED)
    assert done.returncode == 0, done.stdout
    assert "0 grave" in done.stdout


@pytest.mark.parametrize(
    ("environ", "profile", "ids"),
    [
        pytest.param({}, "development", ["FST-SETTINGS-002"], id="development"),
        pytest.param({"FASTNESS_PROFILE": "production"}, None, ["FST-SETTINGS-001"], id="settings-that-do-not-load"),
        pytest.param(DEPLOYED, "production", [], id="sound"),
    ],
)
def test_check_for_other_programs(run, environ, profile, ids):
    done = run("check", "--json", **environ)
    report = json.loads(done.stdout)
    assert report["profile"] == profile
    errors = [finding["id"] for finding in report["findings"] if finding["severity"] in {"high", "critical"}]
    assert errors == ids
    assert (report["errors"], done.returncode) == (len(ids), 1 if ids else 0)


def test_a_route_without_a_rule_is_a_finding_that_names_it(run, project):
    file = project / "shop/app.py"
    file.write_text(file.read_text().replace("access=access.signed_in", ""))
    done = run("check", "--json", **DEPLOYED)
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["id"], finding["where"]) == ("FST-ROUTES-001", "missing_access")
    assert "/desk" in finding["detail"]
    assert run("serve", **DEPLOYED).returncode == 1


def test_a_template_that_cannot_be_escaped_is_a_finding_and_stops_the_start(run, project):
    (project / "shop/templates/bad.html").write_text("<p>\n<a title={{ x }}></a>\n")
    (project / "shop/widgets.py").write_text(
        'def widget(text):\n    return SafeHTML.insecure_from(text, because=Because("made by our own renderer"))\n'
    )
    done = run("check", "--json", **DEPLOYED)
    found = {(one["id"], one["where"]) for one in json.loads(done.stdout)["findings"]}
    assert {
        ("FST-TEMPLATES-001", "shop/templates/bad.html:2"),
        ("FST-TEMPLATES-007", "shop/widgets.py:2: SafeHTML.insecure_from"),
    } <= found
    run("db", "upgrade", **DEPLOYED)
    for accepted in ("", '\n[tool.fastness.accepted]\nFST-TEMPLATES-001 = "nobody opens this page anyway"\n'):
        file = project / "pyproject.toml"
        file.write_text(file.read_text() + accepted)
        served = run("serve", **DEPLOYED)
        assert served.returncode == 1
        assert 'Put the value in quotes: name="{{ value }}"' in served.stderr
        assert "Traceback" not in served.stderr


def test_what_a_team_accepts_does_not_fail(run, project):
    environ = {**DEPLOYED, "FASTNESS_IS_HTTPS_REQUIRED": "false"}
    assert run("check", **environ).returncode == 1
    file = project / "pyproject.toml"
    file.write_text(f'{file.read_text()}\n[tool.fastness.accepted]\nFST-HTTPS-001 = "TLS ends in the service mesh"\n')
    done = run("check", **environ)
    assert done.returncode == 0
    assert "TLS ends in the service mesh" in done.stdout


def test_routes(run):
    done = run("routes")
    assert done.returncode == 0
    assert re.search(r"^/desk +GET, HEAD +desk +signed_in$", done.stdout, re.MULTILINE)
    routes = json.loads(run("routes", "--json").stdout)
    (desk,) = [route for route in routes if route["path"] == "/desk"]
    assert desk["access"] == "signed_in"
    assert desk["methods"] == ["GET", "HEAD"]
    assert desk["where"].endswith(tuple("0123456789"))
    assert any(route["exemptions"] for route in routes)


def test_the_database(run_there, project):
    assert run_there("db", "current").stdout.splitlines()[0] == "at none"
    done = run_there("db", "upgrade")
    assert done.returncode == 0
    assert "up to date" in done.stdout
    assert re.fullmatch(r"at fastness_\d{4}\n", run_there("db", "current").stdout)
    models = project / "shop/app.py"
    models.write_text(
        models.read_text()
        + "\n\nfrom fastness import Model, PublicID\nfrom sqlalchemy.orm import Mapped\n\n\n"
        + 'class Thing(Model):\n    __tablename__ = "things"\n    id: Mapped[PublicID]\n    name: Mapped[str]\n'
    )
    done = run_there("db", "revision", "things")
    assert done.returncode == 0, done.stderr
    (file,) = (project / "migrations").glob("*_things_*.py")
    assert "create_table" in file.read_text()
    assert "missing" in run_there("db", "current").stdout
    assert run_there("db", "upgrade").stdout.startswith("ran ")
    assert "nothing to write" in run_there("db", "revision", "nothing").stdout


def test_what_cannot_be_written_is_named(run):
    done = run("db", "upgrade", FASTNESS_DATABASE_URL="sqlite:///pyproject.toml/data/data.sqlite3")
    assert done.returncode == 1
    assert "pyproject.toml" in done.stderr
    assert "Traceback" not in done.stderr


def test_users(run_there):
    done = run_there("users", "create", "robin", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert (done.returncode, "fastness db upgrade" in done.stderr) == (1, True)
    run_there("db", "upgrade")
    done = run_there("users", "create", "robin", "--staff", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert (done.returncode, done.stdout) == (0, "Created robin, who is staff.\n")
    assert PASSWORD not in done.stdout + done.stderr
    again = run_there("users", "create", "Robin", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert (again.returncode, "already" in again.stderr) == (1, True)
    short = run_there("users", "create", "alex", "--password-stdin", stdin="short\n")
    assert (short.returncode, "at least 15" in short.stderr) == (1, True)


def test_everybody_with_an_account_is_listed(run_there):
    run_there("db", "upgrade")
    run_there("users", "create", "robin", "--name", "Robin \x1b[2J", "--email", "robin@example.com")
    run_there("users", "create", "ada", "--staff")
    run_there("users", "close", "robin")
    done = run_there("users", "list")
    header, ada, robin = done.stdout.splitlines()
    assert header.split()[0] == "user"
    assert ada.split() == ["ada", "ada", "-", "open", "yes", "never"]
    assert ("robin@example.com" in robin, "closed" in robin, "\x1b" in robin) == (True, True, False)
    assert [
        (one["username"], one["is_active"], one["is_staff"])
        for one in json.loads(run_there("users", "list", "--json").stdout)
    ] == [
        ("ada", True, True),
        ("robin", False, False),
    ]
    assert "argon2" not in done.stdout


def test_a_name_that_shows_no_difference_is_refused(run):
    done = run("users", "create", "a\u200blex", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert (done.returncode, "invisible" in done.stderr) == (1, True)


def test_keys(run, project):
    key = run("keys", "new").stdout.strip()
    assert re.fullmatch(r"k[0-9]{8}\.[A-Za-z0-9_-]{64}", key)
    before = (project / ".env").read_text()
    assert run("keys", "rotate").returncode == 0
    assert (project / ".env").read_text() != before
    assert run("keys", "retire").returncode == 0
    refused = run("keys", "rotate", FASTNESS_SECRET_KEY=key)
    assert refused.returncode == 1
    assert key not in refused.stderr


def test_a_folder_without_an_app(run, tmp_path):
    done = run("routes", folder=tmp_path)
    assert done.returncode == 1
    assert "--app" in done.stderr
    assert run("dev", folder=tmp_path).returncode == 1


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param("import nosuchmodule\n", "ModuleNotFoundError: No module named 'nosuchmodule'", id="import"),
        pytest.param("app = = 1\n", "SyntaxError: invalid syntax", id="syntax"),
    ],
)
def test_a_mistake_in_the_app_is_shown_without_the_commands_own_machinery(run, tmp_path, source, said):
    (tmp_path / "broken.py").write_text(source)
    done = run("routes", "--app", "broken:app", folder=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert "broken.py" in done.stderr
    assert [word for word in ("typer", "importlib", "fastness") if word in done.stderr.replace(str(tmp_path), "")] == []


def test_no_demo_where_there_is_none(run):
    done = run("demo")
    assert (done.returncode, "demo" in done.stderr) == (1, True)


def test_a_seed_fills_development_only(run, project):
    (project / "shop/seed.py").write_text('async def seed(app):\n    return "Sign in as \\x1b[31mrobin"\n')
    file = project / "pyproject.toml"
    file.write_text(file.read_text().replace("[tool.fastness]", '[tool.fastness]\ndemo = "shop.seed:seed"'))
    done = run("demo", "--seed-only")
    assert (done.returncode, done.stdout) == (0, "Sign in as \\u001b[31mrobin\n"), done.stderr
    refused = run("demo", "--seed-only", **DEPLOYED)
    assert (refused.returncode, "development" in refused.stderr) == (1, True)


def test_users_choose_their_passwords_by_a_link_that_is_printed(run_there):
    assert run_there("db", "upgrade").returncode == 0
    address = ("--address", "http://localhost:8123")
    created = run_there("users", "create", "robin", *address)
    assert created.returncode == 0, created.stderr
    said, link = created.stdout.splitlines()
    assert (said, link.startswith("http://localhost:8123/account/invite/")) == ("Created robin.", True)
    again = run_there("users", "link", "robin", *address)
    assert again.stdout.startswith("http://localhost:8123/account/invite/")
    assert again.stdout.strip() != link
    assert "owner" in again.stderr
    assert run_there("users", "create", "kim", "--password-stdin", stdin=f"{PASSWORD}\n").returncode == 0
    assert "/account/reset/" in run_there("users", "link", "kim", *address).stdout
    assert run_there("users", "close", "kim").returncode == 0
    for name, said in (("kim", "closed"), ("alex", "no user")):
        refused = run_there("users", "link", name)
        assert (refused.returncode, refused.stdout, said in refused.stderr) == (1, "", True)


def test_an_operator_chooses_the_first_password_of_an_installation_and_no_other(run):
    assert run("db", "upgrade").returncode == 0
    for name, is_made in (("robin", True), ("alex", False)):
        done = run("users", "create", name, "--password-stdin", stdin=f"{PASSWORD}\n", **DEPLOYED)
        assert done.returncode == (not is_made), done.stderr
    assert "their own password" in done.stderr
    assert run("users", "create", "alex", **DEPLOYED).stdout.count("https://shop.example.com/account/invite/") == 1


def test_import_django(run, tmp_path):
    path = tmp_path / "django.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            (Path(__file__).parent.parent / "vectors" / "django61.sql").read_text(encoding="utf-8")
        )
    connection.close()
    before = path.read_bytes()
    run("db", "upgrade")
    off = run("import", "django", f"sqlite:///{path}")
    assert off.returncode == 1
    assert "FASTNESS_PASSWORDS_ACCEPTS_DJANGO" in off.stderr
    on = {"FASTNESS_PASSWORDS_ACCEPTS_DJANGO": "true"}
    dry = run("import", "django", f"sqlite:///{path}", "--dry-run", **on)
    assert dry.returncode == 0, dry.stderr
    assert "Would import 12 users" in dry.stdout
    assert "not imported: user ADA: the name is taken here" in dry.stdout
    done = run("import", "django", DJANGO_DATABASE_URL=f"sqlite:///{path}", **on)
    assert "Imported 12 users, 10 of them with a password, and 1 role." in done.stdout
    assert "$" not in dry.stdout + done.stdout
    again = run("import", "django", f"sqlite:///{path}", **on)
    assert "Imported 0 users, 0 of them with a password, and 0 roles." in again.stdout
    assert path.read_bytes() == before
