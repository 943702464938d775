"""The pinned requirements hold versions and hashes, no address, and every dependency of the package."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
ADDRESS = re.compile(
    r"://|--(extra-)?index-url|--find-links|--trusted-host|\bfile:|\b[a-z0-9-]+\.(com|org|net|io|dev)\b|^/",
    re.MULTILINE,
)


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / "requirements" / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_lock_holds_no_address(file):
    assert ADDRESS.findall(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_pin_has_a_hash(file):
    blocks = re.split(r"\n(?=[a-z0-9])", file.read_text(encoding="utf-8"))[1:]
    assert blocks
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[\[><=~! ]", line)[0] for line in project["dependencies"]}
    assert names <= pins("run.txt").keys()


def test_the_developers_versions_are_the_users_versions():
    run, developer = pins("run.txt"), pins("dev.txt")
    assert {name: developer.get(name) for name in run} == run
