"""Withdrawn and newer versions come from the index that pip is set up for: here a folder."""

import zipfile

import pytest

from fastness.audit.index import ask_index
from fastness.audit.pins import Dependency


def wheel(folder, name, version):
    file = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return file.name


@pytest.fixture
def index(tmp_path, monkeypatch):
    folder = tmp_path / "simple" / "alpha"
    folder.mkdir(parents=True)
    names = [wheel(folder, "alpha", version) for version in ("1.0", "1.1", "2.0")]
    links = [f'<a href="{name}"{" data-yanked=broken" if "1.1" in name else ""}>{name}</a>' for name in names]
    (folder / "index.html").write_text(f"<!doctype html><html><body>{''.join(links)}</body></html>")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    return tmp_path


def alpha(version):
    return Dependency(name="alpha", version=version, where="requirements.txt")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        pytest.param("1.0", ["FST-DEPS-004"], id="outdated"),
        pytest.param("1.1", ["FST-DEPS-003", "FST-DEPS-004"], id="withdrawn"),
        pytest.param("2.0", [], id="newest"),
    ],
)
def test_versions(index, version, expected):
    outcome = ask_index(index, [alpha(version)])
    assert ([each.id for each in outcome.findings], outcome.unchecked) == (expected, ())


def test_a_version_that_is_not_there_could_not_be_checked(index):
    outcome = ask_index(index, [alpha("3.0")])
    assert (outcome.findings, [each.what for each in outcome.unchecked]) == ((), ["alpha 3.0"])


def test_the_others_are_still_looked_at(index):
    outcome = ask_index(index, [alpha("1.0"), Dependency(name="beta", version="1", where="x")])
    assert [each.id for each in outcome.findings] == ["FST-DEPS-004"]
    assert [each.what for each in outcome.unchecked] == ["beta 1"]
