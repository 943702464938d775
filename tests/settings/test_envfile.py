"""Writing .env: for the owner only, as a whole, and without losing a line."""

import os
import stat

import pytest

from fastness.kernel.errors import ConfigError
from fastness.settings.envfile import create_env_file, read_lines, update_env_file


def mode(file):
    return stat.S_IMODE(file.stat().st_mode)


def values(file):
    return {line.name: line.value for line in read_lines(file.read_text()) if line.name}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("plain-Value_1.2", id="plain"),
        pytest.param("", id="empty"),
        pytest.param("with blank # and hash", id="hash"),
        pytest.param('it\'s $HOME "x" \\ y', id="quotes"),
        pytest.param("é", id="beyond-ascii"),
    ],
)
def test_what_is_written_is_read_again(tmp_path, value):
    file = tmp_path / ".env"
    create_env_file(file, {"A": value})
    assert values(file) == {"A": value}
    update_env_file(file, {"A": value + "x"})
    assert values(file) == {"A": value + "x"}


def test_a_new_file_is_the_owners_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        create_env_file(tmp_path / ".env", {"A": "1"})
    finally:
        os.umask(before)
    assert mode(tmp_path / ".env") == 0o600


@pytest.mark.parametrize("there", ["file", "link"])
def test_a_file_that_is_there_is_not_written_over(tmp_path, there):
    file = tmp_path / ".env"
    if there == "link":
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file.write_text("A=1\n")
    with pytest.raises(ConfigError):
        create_env_file(file, {"A": "2"})
    assert not (tmp_path / "elsewhere").exists()


def test_an_update_keeps_every_other_line_and_closes_the_file(tmp_path):
    file = tmp_path / ".env"
    file.write_text("# keep\n\nA=1\nexport B='2' # note\nC=$A\nbroken line'\n\n# end")
    file.chmod(0o644)
    update_env_file(file, {"B": "20", "A": None, "D": "new"})
    assert file.read_text() == "# keep\nB=20\nC=$A\nbroken line'\n\n# end\nD=new\n"
    assert mode(file) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]


def test_a_link_is_followed(tmp_path):
    real = tmp_path / "real"
    real.write_text("A=1\n")
    (tmp_path / ".env").symlink_to(real)
    update_env_file(tmp_path / ".env", {"A": "2"})
    assert (tmp_path / ".env").is_symlink()
    assert values(real) == {"A": "2"}


def test_a_failure_leaves_the_old_file(tmp_path):
    file = tmp_path / ".env"
    file.write_text("A=1\n")
    with pytest.raises(ConfigError):
        update_env_file(file, {"A": "two\nlines"})
    assert file.read_text() == "A=1\n"
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("A=1\n\n# x\nB=2", id="no-final-line-end"),
        pytest.param("\n\nA='1\n2'\n", id="two-line-value"),
        pytest.param("broken'\nA=1\n", id="broken"),
    ],
)
def test_the_lines_together_are_the_text(text):
    assert "".join(line.original for line in read_lines(text)) == text
