"""What git tracks is asked of git; what should not be there is named, and never shown."""

import os
import pathlib
import subprocess
from datetime import date

import pytest

from fastness.audit.repository import ENDS, audit_repository

TODAY = date(2026, 11, 15)
SQLITE = b"SQLite format 3\x00" + bytes(84)
KEY = b"-----BEGIN " + b"RSA PRIVATE KEY-----\nAAAA\n"


@pytest.fixture
def repository(tmp_path):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(".env\n")
    return tmp_path


def found(folder, **rest):
    outcome = audit_repository(folder, today=TODAY, **({"python": (3, 13)} | rest))
    assert outcome.unchecked == ()
    return [(each.id, each.where) for each in outcome.findings]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param(".env", b"A=1", "FST-REPOSITORY-001", id="env"),
        pytest.param("deploy/.env.production", b"A=1", "FST-REPOSITORY-001", id="env-of-a-place"),
        pytest.param(".env.example", b"A=1", None, id="example"),
        pytest.param("environment.py", b"A=1", None, id="another-name"),
        pytest.param("tls/server.key", KEY, "FST-REPOSITORY-002", id="key"),
        pytest.param("notes.txt", b"  \n" + KEY, "FST-REPOSITORY-002", id="key-under-another-name"),
        pytest.param("tls/server.pem", b"-----BEGIN CERTIFICATE-----", None, id="certificate"),
        pytest.param("docs.md", b"A key begins with\n" + KEY, None, id="about-keys"),
        pytest.param("ci.yml", b"token: ghp_" + b"a1B2" * 10, "FST-REPOSITORY-007", id="token"),
        pytest.param("ci.yml", b"token: ${{ secrets.TOKEN }}", None, id="name-of-a-token"),
        pytest.param("compose.yml", b"url: postgres://app:password@db/app", None, id="placeholder"),
        pytest.param("data.bin", SQLITE, "FST-REPOSITORY-003", id="database"),
        pytest.param("data.sqlite3", b"none", None, id="only-the-name"),
    ],
)
def test_tracked_files(repository, name, content, expected):
    file = repository / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    subprocess.run(["git", "-C", str(repository), "add", "--force", name], check=True)
    assert found(repository) == ([(expected, name)] if expected else [])


def test_a_tracked_file_that_cannot_be_read_is_told(repository, monkeypatch):
    (repository / ".env").write_text("none")
    subprocess.run(["git", "-C", str(repository), "add", "--force", ".env"], check=True)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pathlib.Path, "open", refuse)
    outcome = audit_repository(repository, today=TODAY, python=(3, 13))
    assert [each.id for each in outcome.findings] == ["FST-REPOSITORY-001"]
    assert [(each.what, each.why) for each in outcome.unchecked] == [
        (".env", "The file cannot be read: Permission denied.")
    ]


def test_a_repository_starts_no_program(repository, tmp_path_factory):
    """Its own settings name one that answers for the files that were changed, and one that a missing object is fetched with."""
    ran = tmp_path_factory.mktemp("outside") / "ran"
    program = repository / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o700)
    (repository / "sub").mkdir()
    (repository / "sub" / "a.txt").write_text("a")

    def git(*arguments):
        command = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    tree = git("rev-parse", "HEAD:sub")
    git("sparse-checkout", "set", "--cone", "--sparse-index", "nothing")
    for name, value in (
        ("core.fsmonitor", str(program)),
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", "ext::" + str(program)),
        ("protocol.ext.allow", "always"),
    ):
        git("config", name, value)
    (repository / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    audit_repository(repository, today=TODAY, python=(3, 13))
    assert not ran.exists()


def test_a_link_is_not_followed_and_a_pipe_not_waited_for(repository, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "server.key"
    outside.write_bytes(KEY)
    (repository / "linked.key").symlink_to(outside)
    (repository / "pipe.txt").write_text("a file")
    subprocess.run(["git", "-C", str(repository), "add", "linked.key", "pipe.txt"], check=True)
    (repository / "pipe.txt").unlink()
    os.mkfifo(repository / "pipe.txt")
    assert found(repository) == []


def test_what_is_not_tracked_is_nobodys_business(repository):
    (repository / ".env").write_text("A=1")
    (repository / "data.sqlite3").write_bytes(SQLITE)
    assert found(repository) == []


def test_env_has_to_be_ignored(repository):
    (repository / ".gitignore").write_text("var/\n")
    assert found(repository) == [("FST-REPOSITORY-004", ".gitignore")]


def test_a_folder_without_a_repository_tracks_nothing(tmp_path):
    (tmp_path / "data.sqlite3").write_bytes(SQLITE)
    assert found(tmp_path) == []


def test_without_a_repository_the_next_one_is_thought_of(tmp_path):
    (tmp_path / ".env").write_text("A=1")
    assert found(tmp_path) == [("FST-REPOSITORY-004", ".gitignore")]
    (tmp_path / ".gitignore").write_text("/.env\n")
    assert found(tmp_path) == []


def test_a_repository_that_git_cannot_read_was_not_checked(tmp_path):
    (tmp_path / ".git").write_text("gitdir: /nowhere/at/all")
    outcome = audit_repository(tmp_path, today=TODAY, python=(3, 13))
    assert [each.what for each in outcome.unchecked] == ["The files that git tracks"]


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        pytest.param((3, 8), ["FST-REPOSITORY-005"], id="long-ended"),
        pytest.param((3, 10), ["FST-REPOSITORY-005"], id="ended"),
        pytest.param((3, 11), [], id="supported"),
        pytest.param((3, 99), [], id="newer-than-the-table"),
    ],
)
def test_pythons(tmp_path, python, expected):
    assert [name for name, _ in found(tmp_path, python=python)] == expected


def test_an_end_that_is_near_is_told(tmp_path):
    outcome = audit_repository(tmp_path, today=date(2027, 6, 1), python=(3, 11))
    assert [each.id for each in outcome.findings] == ["FST-REPOSITORY-006"]
    assert list(ENDS.values()) == sorted(ENDS.values())
