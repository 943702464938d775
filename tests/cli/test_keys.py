"""Rotation of the key: nobody is signed out, and a rotation that would change nothing says so."""

import stat

import pytest

from fastness.cli.errors import CommandError
from fastness.cli.keys import KEY, PREVIOUS, ensure_key, make_key, retire, rotate
from fastness.kernel.signing import refuse_weak_key
from fastness.settings import sources
from fastness.settings.envfile import create_env_file, read_lines
from fastness.settings.settings import Settings


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "DEFAULT_SECRETS_FOLDER", tmp_path / "no-secrets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def file(folder):
    create_env_file(folder / ".env", {"FASTNESS_PROFILE": "development", KEY: make_key()})
    return folder / ".env"


def values(file):
    return {line.name: line.value for line in read_lines(file.read_text()) if line.name}


def load(folder):
    return Settings.load(environ={}, folder=folder)


def test_a_new_key_is_strong_and_new():
    refuse_weak_key(make_key())
    assert make_key() != make_key()


def test_after_a_rotation_the_old_signature_still_holds_and_the_new_key_signs(folder, file):
    before = load(folder)
    token = before.keyring.sign("form", b"x")
    rotate()
    after = load(folder)
    assert after.keyring.verify("form", token, now=0) == b"x"
    assert after.secret_key != before.secret_key
    assert after.previous_secret_keys == (before.secret_key,)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_after_retiring_the_old_signature_holds_no_longer(folder, file):
    token = load(folder).keyring.sign("form", b"x")
    rotate()
    retire()
    after = load(folder)
    assert after.previous_secret_keys == ()
    with pytest.raises(Exception, match="does not fit"):
        after.keyring.verify("form", token, now=0)


def test_only_two_previous_keys_are_kept(file):
    seen = [values(file)[KEY]]
    for _ in range(3):
        rotate()
        seen.append(values(file)[KEY])
    assert values(file)[PREVIOUS].split(",") == [seen[2], seen[1]]
    assert len(set(seen)) == 4


def test_a_rotation_keeps_the_rest_of_the_file(file):
    file.write_text("# mine\n" + file.read_text() + "OTHER=1\n")
    rotate()
    assert file.read_text().startswith("# mine\n")
    assert values(file)["OTHER"] == "1"
    assert values(file)["FASTNESS_PROFILE"] == "development"


@pytest.mark.parametrize("where", ["nowhere", "environment", "not-in-the-file", "environment-has-previous"])
def test_a_key_from_elsewhere_is_left_alone_with_advice(folder, where, monkeypatch):
    if where != "nowhere":
        create_env_file(folder / ".env", {} if where == "not-in-the-file" else {KEY: make_key()})
    if where == "environment":
        monkeypatch.setenv(KEY, make_key())
    if where == "environment-has-previous":
        monkeypatch.setenv(PREVIOUS, make_key())
    before = (folder / ".env").read_text() if (folder / ".env").exists() else None
    with pytest.raises(CommandError, match="fastness keys new"):
        rotate()
    assert before == ((folder / ".env").read_text() if (folder / ".env").exists() else None)


def test_the_same_key_in_the_environment_is_no_hindrance(file, monkeypatch):
    monkeypatch.setenv("FASTNESS_HOSTS", "shop.example.com")
    rotate()


def test_no_key_is_shown(file, capsys):
    old = values(file)[KEY]
    rotate()
    shown = capsys.readouterr()
    assert old not in shown.out + shown.err
    assert values(file)[KEY] not in shown.out + shown.err


def test_a_key_is_made_only_where_there_is_none(folder, monkeypatch):
    assert ensure_key(folder)
    key = values(folder / ".env")[KEY]
    assert not ensure_key(folder)
    assert values(folder / ".env")[KEY] == key
    (folder / ".env").unlink()
    monkeypatch.setenv(KEY, make_key())
    assert not ensure_key(folder)
    assert not (folder / ".env").exists()


def test_a_file_without_a_key_gets_one_and_keeps_its_lines(folder):
    create_env_file(folder / ".env", {"OTHER": "1"})
    assert ensure_key(folder)
    assert set(values(folder / ".env")) == {"OTHER", KEY}
