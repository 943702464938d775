"""From text to value, by type: what is not clearly a value is refused, and never shown."""

from typing import Literal

import pytest

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.settings.conversion import Unreadable, describe, read_value
from fastness.settings.profiles import Profile

Framing = Literal["deny", "same-origin"] | tuple[str, ...]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        pytest.param(str, " a b ", "a b", id="text"),
        pytest.param(bool, "true", True, id="true"),
        pytest.param(bool, "Yes", True, id="yes"),
        pytest.param(bool, "0", False, id="zero"),
        pytest.param(bool, "off", False, id="off"),
        pytest.param(int, "42", 42, id="number"),
        pytest.param(int, "-1", -1, id="negative"),
        pytest.param(int, "2_000_000", 2_000_000, id="grouped"),
        pytest.param(float, "0.5", 0.5, id="fraction"),
        pytest.param(float, "30", 30.0, id="whole-fraction"),
        pytest.param(int | None, "none", None, id="none"),
        pytest.param(int | None, "7", 7, id="number-or-none"),
        pytest.param(str | None, "None", None, id="no-text"),
        pytest.param(str | None, "nonesuch", "nonesuch", id="text-that-begins-with-none"),
        pytest.param(tuple[str, ...], "a, b,c", ("a", "b", "c"), id="list"),
        pytest.param(tuple[str, ...], "", (), id="empty-list"),
        pytest.param(tuple[str, ...], "a", ("a",), id="list-of-one"),
        pytest.param(Literal["x-forwarded", "forwarded"], "forwarded", "forwarded", id="choice"),
        pytest.param(Framing, "deny", "deny", id="choice-beside-list"),
        pytest.param(Framing, "https://a.example.com", ("https://a.example.com",), id="list-beside-choice"),
        pytest.param(Profile, "development", Profile.DEVELOPMENT, id="profile"),
        pytest.param(Secret, "s3cret", Secret("s3cret"), id="secret"),
        pytest.param(tuple[Secret, ...], "one,two", (Secret("one"), Secret("two")), id="secrets"),
        pytest.param(Because | None, "an old widget needs it", Because("an old widget needs it"), id="reason"),
        pytest.param(Because | None, "none", None, id="no-exit"),
    ],
)
def test_a_value(kind, text, value):
    assert read_value(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param(bool, "maybe", id="maybe"),
        pytest.param(bool, "", id="empty-boolean"),
        pytest.param(bool, "2", id="two"),
        pytest.param(int, "", id="empty-number"),
        pytest.param(int, "1e3", id="exponent"),
        pytest.param(int, "0x10", id="hexadecimal"),
        pytest.param(int, "1.0", id="fraction-as-whole"),
        pytest.param(int, "٤٢", id="digits-of-another-script"),
        pytest.param(int, "9" * 5000, id="thousands-of-digits"),
        pytest.param(int, "--1", id="two-signs"),
        pytest.param(float, "nan", id="nan"),
        pytest.param(float, "inf", id="infinity"),
        pytest.param(int | None, "nothing", id="not-none"),
        pytest.param(int, "none", id="none-where-there-is-none"),
        pytest.param(tuple[str, ...], "a,,b", id="empty-entry"),
        pytest.param(tuple[str, ...], "a,", id="trailing-comma"),
        pytest.param(Literal["x-forwarded", "forwarded"], "X-Forwarded", id="choice-in-capitals"),
        pytest.param(Profile, "prod", id="profile-abbreviated"),
        pytest.param(Secret, "", id="empty-secret"),
        pytest.param(tuple[Secret, ...], "one,,two", id="empty-secret-in-a-list"),
        pytest.param(Because | None, "true", id="a-reason-that-is-none"),
    ],
)
def test_no_value(kind, text):
    value = read_value(kind, text)
    assert isinstance(value, Unreadable)
    assert value.expected
    assert not text or text not in value.expected.split()


def test_a_type_that_nobody_taught_it_is_a_mistake_of_ours():
    with pytest.raises(ConfigError):
        read_value(complex, "1")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param(int | None, "a whole number, or none", id="optional"),
        pytest.param(Framing, "one of deny, same-origin, or texts, separated by commas", id="either"),
        pytest.param(tuple[Secret, ...], "secrets, separated by commas", id="list"),
        pytest.param(Profile, "one of development, production", id="enum"),
    ],
)
def test_the_description_says_what_to_write(kind, text):
    assert describe(kind) == text
