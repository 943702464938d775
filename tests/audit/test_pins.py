"""What a project pins is read from its own files, and what cannot be read is told."""

import os

import pytest

from fastness.audit.dependencies import merged
from fastness.audit.installed import installed_below
from fastness.audit.licences import licence_findings
from fastness.audit.lifetimes import unsupported
from fastness.audit.pins import Dependency, read_pins
from tests.audit.conftest import NOW

HASH = "sha256:" + "ab" * 32


def pinned(folder):
    return [(each.name, each.version, each.where, each.hashes) for each in read_pins(folder).dependencies]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("jinja2==2.10", [("jinja2", "2.10", "requirements.txt", ())], id="plain"),
        pytest.param(
            "Jinja2 == 2.10 ; python_version > '3'", [("jinja2", "2.10", "requirements.txt", ())], id="marker"
        ),
        pytest.param("a[b]===1.0", [("a", "1.0", "requirements.txt", ())], id="extras"),
        pytest.param(
            f"a==1 \\\n    --hash={HASH} \\\n    --hash={HASH}\n    # via b",
            [("a", "1", "requirements.txt", (HASH, HASH))],
            id="hashes",
        ),
        pytest.param("# only a comment\n--index-url x\n", [], id="options"),
    ],
)
def test_lines(tmp_path, line, expected):
    (tmp_path / "requirements.txt").write_text(line)
    assert pinned(tmp_path) == expected


@pytest.mark.parametrize("line", ["jinja2", "jinja2>=2", "jinja2==2.*", "jinja2>1,<3", "-e ./local", "./local"])
def test_what_has_no_exact_version_is_loose(tmp_path, line):
    (tmp_path / "requirements.txt").write_text(line)
    pins = read_pins(tmp_path)
    assert (pins.dependencies, len(pins.loose)) == ((), 1)


def test_a_line_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "requirements.txt").write_text("%%%\n")
    assert [each.what for each in read_pins(tmp_path).unchecked] == ["requirements.txt: %%%"]


def test_included_files_are_read_once(tmp_path):
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "base.in.txt").write_text("a==1")
    (tmp_path / "requirements.txt").write_text("-r requirements/base.in.txt\nb==2\n-r missing.txt")
    pins = read_pins(tmp_path)
    assert {each.name for each in pins.dependencies} == {"a", "b"}
    assert [each.what for each in pins.unchecked] == ["missing.txt"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("uv.lock", f'[[package]]\nname = "a"\nversion = "1"\nwheels = [{{hash = "{HASH}"}}]', id="uv"),
        pytest.param(
            "poetry.lock", f'[[package]]\nname = "a"\nversion = "1"\nfiles = [{{hash = "{HASH}"}}]', id="poetry"
        ),
        pytest.param(
            "pylock.toml",
            f'[[packages]]\nname = "A"\nversion = "1"\nwheels = [{{hashes = {{sha256 = "{HASH[7:]}"}}}}]',
            id="pylock",
        ),
    ],
)
def test_lock_files(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert pinned(tmp_path) == [("a", "1", name, (HASH,))]


def test_the_project_itself_in_its_lock_is_no_dependency(tmp_path):
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "me"\nversion = "1"\nsource = {editable = "."}')
    assert pinned(tmp_path) == []


def test_a_broken_lock_is_told(tmp_path):
    (tmp_path / "uv.lock").write_text("[[")
    assert [each.what for each in read_pins(tmp_path).unchecked] == ["uv.lock"]


def test_what_the_project_asks_for(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["jinja2==2.10", "starlette>=1"]')
    pins = read_pins(tmp_path)
    assert pinned(tmp_path) == [("jinja2", "2.10", "pyproject.toml", ())]
    assert pins.wanted == ("jinja2==2.10", "starlette>=1")


def test_what_the_project_asks_for_in_words_that_are_no_requirement_is_told(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["jinja2 two", "b==1==2", "starlette>=1"]')
    pins = read_pins(tmp_path)
    assert [each.what for each in pins.unchecked] == ["pyproject.toml: jinja2 two", "pyproject.toml: b==1==2"]
    assert pins.wanted == ("starlette>=1",)
    (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = 1")
    assert read_pins(tmp_path).wanted == ()


def test_what_is_installed_comes_with_what_it_needs():
    found, missing = installed_below(["jinja2", "no-such-package-here>=1", "tzdata; sys_platform == 'never'"])
    assert {"jinja2", "markupsafe"} <= {each.name for each in found}
    assert "tzdata" not in {each.name for each in found}
    assert [each.what for each in missing] == ["no-such-package-here"]


def test_extras_bring_theirs():
    with_extra, _ = installed_below(["sqlalchemy[asyncio]"])
    without, _ = installed_below(["sqlalchemy"])
    assert {each.name for each in with_extra} >= {each.name for each in without} | {"greenlet"}


def test_the_same_version_is_one_dependency():
    one = Dependency(name="a", version="1", where="x.txt", hashes=(HASH,))
    assert merged([one, one, Dependency(name="a", version="1", where="installed")]) == (
        Dependency(name="a", version="1", where="x.txt, installed", hashes=(HASH,)),
    )


@pytest.mark.parametrize(
    ("name", "version", "is_ended"),
    [
        pytest.param("jinja2", "2.11.3", True, id="old"),
        pytest.param("jinja2", "3.1.6", False, id="new"),
        pytest.param("django", "4.2.30", True, id="ended"),
        pytest.param("django", "5.2.1", False, id="long-term"),
        pytest.param("starlette", "0.1", False, id="no-date"),
    ],
)
def test_series_that_ended(name, version, is_ended):
    found = [*unsupported([Dependency(name=name, version=version, where="x")], today=NOW.date())]
    assert [each.id for each in found] == ["FST-DEPS-005"] * is_ended


def test_licences_of_what_is_installed(tmp_path, monkeypatch):
    for name, line in (
        ("gplthing", "License: GPL-3.0-only"),
        ("nothing", ""),
        ("choice", "License-Expression: MIT OR GPL-2.0-only"),
    ):
        folder = tmp_path / f"{name}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            "\n".join(filter(None, ["Metadata-Version: 2.4", f"Name: {name}", "Version: 1", line]))
        )
    monkeypatch.syspath_prepend(tmp_path)
    found = [
        *licence_findings([Dependency(name=name, version="1", where="x") for name in ("gplthing", "nothing", "choice")])
    ]
    assert [(each.id, each.where) for each in found] == [("FST-DEPS-009", "1 of 3"), ("FST-DEPS-010", "1 of 3")]
    assert "gplthing (GPL-3.0-only)" in found[0].detail
    assert found[1].detail.startswith("nothing.")


@pytest.mark.parametrize("way", ["absolute", "relative", "link"])
def test_a_file_outside_of_the_project_is_not_read(tmp_path, way):
    (tmp_path / "secrets.txt").write_text("key = s3cr3t-of-somebody\ns3cr3t==1\n")
    folder = tmp_path / "project"
    folder.mkdir()
    if way == "link":
        (folder / "requirements.txt").symlink_to(tmp_path / "secrets.txt")
    else:
        named = tmp_path / "secrets.txt" if way == "absolute" else "../secrets.txt"
        (folder / "requirements.txt").write_text(f"-r {named}\n")
    pins = read_pins(folder)
    assert "s3cr3t" not in repr(pins)
    assert [each.why for each in pins.unchecked] == ["It lies outside of the project."]


@pytest.mark.parametrize(
    ("name", "version"),
    [
        pytest.param("a", "1\\n-e ./evil", id="folder"),
        pytest.param("a", "1\\n--index-url https://evil.example", id="option"),
        pytest.param("a\\n./evil", "1", id="folder-in-the-name"),
        pytest.param("a", "1 @ https://evil.example/a.tar.gz", id="address"),
        pytest.param("-r evil.txt #", "1", id="option-as-a-name"),
        pytest.param("a", "", id="no-version"),
    ],
)
@pytest.mark.parametrize("lock", ["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"])
def test_nothing_but_names_and_versions_reaches_pip(tmp_path, lock, name, version):
    (tmp_path / lock).write_text(f'[[package]]\nname = "{name}"\nversion = "{version}"\n')
    pins = read_pins(tmp_path)
    assert (pins.dependencies, [each.why for each in pins.unchecked]) == ((), ["This is no package in a version."])


def test_a_lock_file_of_another_kind_is_no_error(tmp_path):
    (tmp_path / "uv.lock").write_text('package = ["a", 1]\n')
    (tmp_path / "poetry.lock").write_text('[[package]]\nversion = "1"\n')
    assert (read_pins(tmp_path).dependencies, len(read_pins(tmp_path).unchecked)) == ((), 1)


def test_a_file_of_the_same_repository_is_read(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "common.txt").write_text("jinja2==2.10\n")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text("-r ../common.txt\n")
    assert [(name, version) for name, version, *_ in pinned(folder)] == [("jinja2", "2.10")]


def test_what_has_no_end_is_not_read(tmp_path):
    (tmp_path / "requirements-a.txt").symlink_to("/dev/zero")
    (tmp_path / "requirements-b.txt").symlink_to("requirements-b.txt")
    os.mkfifo(tmp_path / "uv.lock")
    assert len(read_pins(tmp_path).unchecked) == 3
