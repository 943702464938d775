"""What commands write: nothing acts on the terminal, and colours are for people."""

import pytest

from fastness.cli.terminal import paint, printable, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain é 😀", "plain é 😀", id="plain"),
        pytest.param("a\x1b[2Jb", "a\\u001b[2Jb", id="terminal-sequence"),
        pytest.param("a\nb", "a\\u000ab", id="line-end"),
        pytest.param("a\u202eb", "a\\u202eb", id="right-to-left-override"),
        pytest.param("\x9b31m", "\\u009b31m", id="single-character-sequence"),
    ],
)
def test_only_what_is_printable_is_printed(text, shown):
    assert printable(text) == shown


def test_no_colour_where_nobody_wants_one(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert paint("x", "red") != "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("x", "red") == "x"


def test_a_table_is_as_wide_as_it_needs(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert table(["a", "b"], [["long", "x"], ["s", "\x1b"]]).splitlines() == ["a     b", "long  x", "s     \\u001b"]
