"""Settings from any text: loaded or refused with the one error, and never shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastness.kernel.tokens import random_token
from fastness.settings.envfile import read_lines
from fastness.settings.errors import SettingsError
from fastness.settings.settings import Settings
from fastness.settings.variables import variables_of

HERE = Path(__file__).parent
NOWHERE = HERE / "no-such-folder"
VARIABLES = sorted(variables_of(Settings))
MARK = "Zq8xPw"
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
# What real mistakes are made of: separators, quotes, addresses, numbers and keywords around a value.
PIECES = st.sampled_from(
    [",", " ", "'", '"', "*", "/", ":", "https://", ".example.com", "0", "-1", "none", "true", "@"]
)


@given(st.sampled_from(VARIABLES), TEXT, st.lists(PIECES, max_size=4), st.lists(PIECES, max_size=4))
def test_a_value_is_never_shown(name, text, before, after):
    value = "".join([*before, MARK, text, MARK, *after])
    environ = {
        "FASTNESS_SECRETS_DIR": str(HERE),
        "FASTNESS_SECRET_KEY": random_token(48),
        "FASTNESS_HOSTS": "shop.example.com",
        name: value,
    }
    message = refusal_of(environ)
    if message is not None:
        assert MARK.lower() not in message.lower()
        assert name in message


@pytest.mark.parametrize("name", VARIABLES)
def test_a_wrong_value_is_refused_with_the_one_error(name):
    for value in ("", MARK, f"https://{MARK}/", f"{MARK},,{MARK}", "-1", "9" * 30):
        environ = {"FASTNESS_SECRET_KEY": random_token(48), "FASTNESS_HOSTS": "shop.example.com", name: value}
        message = refusal_of(environ)
        assert message is None or (MARK.lower() not in message.lower() and name in message)


def refusal_of(environ):
    try:
        Settings.load(environ=environ, folder=NOWHERE)
    except SettingsError as error:
        return str(error)
    return None


@given(TEXT)
def test_a_file_is_read_without_losing_a_character(text):
    assert "".join(line.original for line in read_lines(text)) == text.removeprefix("\ufeff")
