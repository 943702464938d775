"""Finding the app: the order of the places, and mistakes in each of them."""

import sys

import pytest

from fastness.cli.errors import CommandError
from fastness.cli.location import Location, find_location, load_app, load_object
from fastness.kernel.errors import ConfigError
from fastness.settings import sources


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "DEFAULT_SECRETS_FOLDER", tmp_path / "no-secrets")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def write(folder, text):
    (folder / "pyproject.toml").write_text(text)


def test_each_place_wins_over_the_one_before(folder, monkeypatch):
    assert find_location().app is None
    write(folder, '[tool.fastness]\napp = "a:app"\n')
    assert find_location().app == "a:app"
    (folder / ".env").write_text("FASTNESS_APP=b:app\n")
    assert find_location().app == "b:app"
    monkeypatch.setenv("FASTNESS_APP", "c:app")
    assert find_location().app == "c:app"
    assert find_location("d:app").app == "d:app"


def test_migrations_lie_beside_the_project_file_unless_it_says_otherwise(folder):
    assert find_location().migrations == folder / "migrations"
    assert find_location().migrations_if_there is None
    write(folder, '[tool.fastness]\nmigrations = "db/steps"\n')
    (folder / "db/steps").mkdir(parents=True)
    assert find_location().migrations_if_there == folder / "db/steps"


def test_accepted_findings_carry_their_reasons(folder):
    write(folder, '[tool.fastness.accepted]\nFST-HTTPS-001 = "inside the hospital network only"\n')
    assert find_location().accepted["FST-HTTPS-001"].text == "inside the hospital network only"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('[tool.fastness]\nap = "a:app"\n', id="unknown-key"),
        pytest.param("[tool.fastness]\napp = 1\n", id="no-text"),
        pytest.param('[tool.fastness]\napp = ""\n', id="empty-text"),
        pytest.param("[tool.fastness\n", id="broken-file"),
        pytest.param('[tool.fastness]\naccepted = "all"\n', id="accepted-is-no-table"),
        pytest.param("[tool.fastness.accepted]\nFST-HTTPS-001 = true\n", id="accepted-without-a-reason"),
        pytest.param('[tool.fastness.accepted]\nFST-HTTPS-001 = "ok"\n', id="accepted-for-a-short-reason"),
    ],
)
def test_a_mistake_in_the_project_file(folder, text):
    write(folder, text)
    with pytest.raises(ConfigError):
        find_location()


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("nosuchmodule_x:app", id="no-module"),
        pytest.param("package_x.nosuch:app", id="no-module-in-the-package"),
        pytest.param("package_x:nosuch", id="no-name"),
        pytest.param("package_x", id="no-colon"),
        pytest.param(":app", id="no-module-name"),
        pytest.param("package_x:", id="no-object-name"),
    ],
)
def test_a_target_that_is_not_there(folder, target, monkeypatch):
    (folder / "package_x").mkdir()
    (folder / "package_x/__init__.py").write_text("")
    monkeypatch.delitem(sys.modules, "package_x", raising=False)
    with pytest.raises(CommandError):
        load_object(target, folder)


def test_an_import_that_fails_inside_the_app_is_the_apps_own_error(folder, monkeypatch):
    (folder / "module_y.py").write_text("import nosuchmodule_z\n")
    monkeypatch.delitem(sys.modules, "module_y", raising=False)
    with pytest.raises(ModuleNotFoundError, match="nosuchmodule_z"):
        load_object("module_y:app", folder)


@pytest.mark.parametrize("app", [pytest.param(None, id="unnamed"), pytest.param("string:digits", id="no-app")])
def test_what_is_no_app(folder, app):
    with pytest.raises(CommandError):
        load_app(Location(folder=folder, app=app, migrations=folder))
