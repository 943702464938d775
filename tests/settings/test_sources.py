"""The sources and their order; files that cannot be read are problems, not surprises."""

import pytest

from fastness.kernel.tokens import random_token
from fastness.settings import sources
from fastness.settings.errors import SettingsError
from fastness.settings.settings import Settings
from fastness.settings.sources import read_sources


@pytest.fixture
def secrets(tmp_path):
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


def read(folder, environ=None):
    return read_sources(environ or {}, folder)


def test_each_source_wins_over_the_one_before(tmp_path, secrets):
    environ = {"FASTNESS_SECRETS_DIR": str(secrets)}
    (secrets / "fastness_project").write_text("from-secrets\n")
    assert read(tmp_path, environ).texts["FASTNESS_PROJECT"] == "from-secrets"
    (tmp_path / ".env").write_text("FASTNESS_PROJECT=from-file\n")
    assert read(tmp_path, environ).texts["FASTNESS_PROJECT"] == "from-file"
    environ["FASTNESS_PROJECT"] = "from-environment"
    assert read(tmp_path, environ).texts["FASTNESS_PROJECT"] == "from-environment"


def test_the_usual_secrets_folder_is_read_without_being_named(tmp_path, secrets, monkeypatch):
    monkeypatch.setattr(sources, "DEFAULT_SECRETS_FOLDER", secrets)
    (secrets / "fastness_secret_key").write_text("k3y\n")
    (secrets / "postgres_password").write_text("not ours")
    assert read(tmp_path).texts == {"FASTNESS_SECRET_KEY": "k3y"}


@pytest.mark.parametrize(
    ("content", "value"),
    [
        pytest.param(b"k3y", "k3y", id="plain"),
        pytest.param(b"k3y\n", "k3y", id="line-end"),
        pytest.param(b"k3y\r\n", "k3y", id="windows-line-end"),
        pytest.param(b"\xef\xbb\xbfk3y", "k3y", id="byte-order-mark"),
        pytest.param(b"k3y\n\n", "k3y\n", id="only-one-line-end"),
    ],
)
def test_a_secret_file_is_its_text(tmp_path, secrets, content, value):
    (secrets / "FASTNESS_SECRET_KEY").write_bytes(content)
    assert read(tmp_path, {"FASTNESS_SECRETS_DIR": str(secrets)}).texts["FASTNESS_SECRET_KEY"] == value


def test_a_named_folder_that_is_not_there_is_a_problem_and_the_usual_one_is_not(tmp_path):
    assert read(tmp_path, {"FASTNESS_SECRETS_DIR": str(tmp_path / "nowhere")}).problems
    assert read(tmp_path).problems == []


@pytest.mark.parametrize(
    ("line", "value"),
    [
        pytest.param("FASTNESS_PROJECT=site", "site", id="plain"),
        pytest.param("export FASTNESS_PROJECT=site", "site", id="export"),
        pytest.param("FASTNESS_PROJECT='a b'", "a b", id="quoted"),
        pytest.param("FASTNESS_PROJECT=$HOME", "$HOME", id="no-replacement"),
        pytest.param("FASTNESS_PROJECT=${HOME}", "${HOME}", id="no-replacement-in-braces"),
        pytest.param("FASTNESS_PROJECT=site # note", "site", id="comment"),
        pytest.param("FASTNESS_CSP_IMG_SRC=\"'self',data:\"", "'self',data:", id="quotes-in-quotes"),
    ],
)
def test_a_line_of_the_file(tmp_path, line, value):
    (tmp_path / ".env").write_text(f"# a comment\n\n{line}\n")
    found = read(tmp_path)
    assert (list(found.texts.values()), found.problems) == ([value], [])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("FASTNESS_CSP_IMG_SRC='self',data:\n", id="text-after-quotes"),
        pytest.param('FASTNESS_PROJECT="site\n', id="open-quote"),
        pytest.param("FASTNESS_PROJECT\n", id="no-value"),
        pytest.param("FASTNESS_PROJECT=a\nFASTNESS_PROJECT=b\n", id="twice"),
        pytest.param("FASTNESS_SECRETS_DIR=/tmp\n", id="a-source-within-a-source"),
    ],
)
def test_a_line_that_is_a_problem(tmp_path, text):
    (tmp_path / ".env").write_text(text)
    assert len(read(tmp_path).problems) == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("POSTGRES_USER\n", id="no-value"),
        pytest.param("X='a'b\n", id="text-after-quotes"),
        pytest.param("A=1\nA=2\n", id="twice"),
    ],
)
def test_lines_of_other_programs_are_their_own_business(tmp_path, text):
    (tmp_path / ".env").write_text(text)
    found = read(tmp_path)
    assert (found.texts, found.problems) == ({}, [])


@pytest.mark.parametrize(
    "content",
    [pytest.param(b"FASTNESS_PROJECT=\xff\n", id="not-utf-8"), pytest.param(b"#" * 70_000, id="too-large")],
)
def test_a_file_that_is_no_text_is_a_problem(tmp_path, content):
    (tmp_path / ".env").write_bytes(content)
    assert len(read(tmp_path).problems) == 1


def test_a_folder_in_the_place_of_the_file_is_a_problem(tmp_path):
    (tmp_path / ".env").mkdir()
    assert len(read(tmp_path).problems) == 1


def test_the_file_does_not_reach_the_environment(tmp_path, monkeypatch):
    key = random_token(48)
    (tmp_path / ".env").write_text(f"FASTNESS_SECRET_KEY={key}\nFASTNESS_HOSTS=a.example.com\n")
    environ: dict[str, str] = {}
    monkeypatch.setattr("os.environ", environ)
    monkeypatch.chdir(tmp_path)
    assert Settings.load().secret_key.reveal() == key
    assert environ == {}


def test_a_problem_of_the_file_names_no_value(tmp_path):
    (tmp_path / ".env").write_text("FASTNESS_SECRET_KEY='s3cr3t-value'x\n")
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ={}, folder=tmp_path)
    assert "s3cr3t" not in str(caught.value)
