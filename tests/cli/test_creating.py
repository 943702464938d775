"""`fastness new`: names, files, and a secret of its own."""

import ast
import stat
import tomllib

import pytest

from fastness.cli.creating import TEMPLATE, create_project, package_of
from fastness.cli.errors import CommandError
from fastness.settings.envfile import read_lines


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def values(file):
    return {line.name: line.value for line in read_lines(file.read_text()) if line.name}


@pytest.mark.parametrize(
    ("name", "is_made"),
    [
        pytest.param("shop", True, id="word"),
        pytest.param("my-shop-2", True, id="hyphens"),
        pytest.param("a" * 32, True, id="longest"),
        pytest.param("a" * 33, False, id="too-long"),
        pytest.param("", False, id="empty"),
        pytest.param("Shop", False, id="capital"),
        pytest.param("my_shop", False, id="underscore"),
        pytest.param("my--shop", False, id="two-hyphens"),
        pytest.param("-shop", False, id="looks-like-an-option"),
        pytest.param("2shop", False, id="digit-first"),
        pytest.param("../shop", False, id="parent"),
        pytest.param("/tmp/shop", False, id="absolute"),
        pytest.param("shop\n", False, id="line-end"),
        pytest.param("shöp", False, id="beyond-ascii"),
    ],
)
def test_names(here, name, is_made):
    if is_made:
        create_project(name)
        assert (here / name / ".env").exists()
    else:
        with pytest.raises(CommandError):
            create_project(name)
        assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "package"),
    [
        pytest.param("shop", "shop", id="plain"),
        pytest.param("my-shop", "my_shop", id="hyphen"),
        pytest.param("site", "site_app", id="module-of-python"),
        pytest.param("email", "email_app", id="package-of-python"),
        pytest.param("fastness", "fastness_app", id="ours"),
        pytest.param("tests", "tests_app", id="the-tests"),
    ],
)
def test_the_package_hides_no_module(name, package):
    assert package_of(name) == package


@pytest.mark.parametrize("there", ["folder", "file", "broken-link"])
def test_nothing_is_written_over(here, there):
    target = here / "shop"
    if there == "folder":
        target.mkdir()
    elif there == "file":
        target.write_text("mine")
    else:
        target.symlink_to(here / "nowhere")
    with pytest.raises(CommandError):
        create_project("shop")
    assert [entry.name for entry in here.iterdir()] == ["shop"]


def test_every_file_of_the_template_arrives_with_its_words_replaced(here):
    create_project("my-shop")
    files = sorted(file for file in (here / "my-shop").rglob("*") if file.is_file())
    assert len(files) == len([file for file in TEMPLATE.rglob("*") if file.is_file()]) + 1
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert "@PROJECT@" not in text
        assert "@PACKAGE@" not in text
        assert "@VERSION@" not in text
        if file.suffix == ".py":
            ast.parse(text)
    assert tomllib.loads((here / "my-shop/pyproject.toml").read_text())["tool"]["fastness"]["app"] == "my_shop.app:app"


def test_the_secret_is_the_owners_alone_and_nobody_elses(here):
    create_project("one")
    create_project("two")
    first, second = values(here / "one/.env"), values(here / "two/.env")
    assert len(first["FASTNESS_SECRET_KEY"]) == len("k20261122.") + 64
    assert first["FASTNESS_SECRET_KEY"] != second["FASTNESS_SECRET_KEY"]
    assert stat.S_IMODE((here / "one/.env").stat().st_mode) == 0o600
    assert ".env" in (here / "one/.gitignore").read_text().splitlines()
    assert first["FASTNESS_SECRET_KEY"] not in "".join(
        file.read_text() for file in (here / "one").rglob("*") if file.is_file() and file.name != ".env"
    )


def test_the_key_is_not_shown(here, capsys):
    create_project("shop")
    shown = capsys.readouterr()
    assert values(here / "shop/.env")["FASTNESS_SECRET_KEY"] not in shown.out + shown.err
    assert "make dev" in shown.out
    assert "make test" in shown.out
