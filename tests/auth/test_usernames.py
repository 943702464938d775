import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastness.auth.errors import UsernameError
from fastness.auth.usernames import MAX_LENGTH, UsernameReason, parse_username, shown_name, try_username_key
from fastness.auth.users import User


@pytest.mark.parametrize(
    ("text", "name", "key"),
    [
        pytest.param("ada", "ada", "ada", id="plain"),
        pytest.param("Ada Lovelace", "Ada Lovelace", "ada lovelace", id="case-and-space"),
        pytest.param("  ada  ", "ada", "ada", id="spaces-at-the-ends"),
        pytest.param("ada@example.com", "ada@example.com", "ada@example.com", id="address"),
        pytest.param("Straße", "Straße", "strasse", id="sharp-s-folds"),
        pytest.param("ＡＤＡ", "ADA", "ada", id="full-width"),
        pytest.param("𝒜𝒹𝒶", "Ada", "ada", id="styled-letters"),
        pytest.param("ﬁona", "fiona", "fiona", id="ligature"),
        pytest.param("Zoe\u0308", "Zoë", "zoë", id="combining-mark-composes"),
        pytest.param("Zoë", "Zoë", "zoë", id="composed"),
        pytest.param("ΟΔΥΣΣΕΥΣ", "ΟΔΥΣΣΕΥΣ", "οδυσσευσ", id="greek"),
        pytest.param("Анна", "Анна", "анна", id="cyrillic"),
        pytest.param("林さん", "林さん", "林さん", id="japanese-scripts-may-mix"),
        pytest.param("ada7", "ada7", "ada7", id="digits"),
        pytest.param("a" * MAX_LENGTH, "a" * MAX_LENGTH, "a" * MAX_LENGTH, id="longest"),
    ],
)
def test_accepted(text, name, key):
    assert parse_username(text) == (name, key)
    assert try_username_key(text) == key


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", UsernameReason.EMPTY, id="empty"),
        pytest.param("   ", UsernameReason.EMPTY, id="only-spaces"),
        pytest.param("a" * (MAX_LENGTH + 1), UsernameReason.TOO_LONG, id="one-too-long"),
        pytest.param("\ufdfa" * 100, UsernameReason.TOO_LONG, id="grows-eighteenfold-under-nfkc"),
        pytest.param("a\nb", UsernameReason.CHARACTER, id="newline"),
        pytest.param("ada\n", UsernameReason.CHARACTER, id="newline-at-the-end"),
        pytest.param("a\x00b", UsernameReason.CHARACTER, id="nul"),
        pytest.param("a\x1b[31mb", UsernameReason.CHARACTER, id="terminal-escape"),
        pytest.param("a\x85b", UsernameReason.CHARACTER, id="c1-control"),
        pytest.param("a\u200bb", UsernameReason.CHARACTER, id="zero-width-space"),
        pytest.param("a\u200db", UsernameReason.CHARACTER, id="zero-width-joiner"),
        pytest.param("a\ufeffb", UsernameReason.CHARACTER, id="byte-order-mark"),
        pytest.param("a\u00adb", UsernameReason.CHARACTER, id="soft-hyphen"),
        pytest.param("a\u202eb", UsernameReason.CHARACTER, id="right-to-left-override"),
        pytest.param("a\u2066b", UsernameReason.CHARACTER, id="isolate"),
        pytest.param("a\u00a0b", UsernameReason.CHARACTER, id="no-break-space"),
        pytest.param("a\u2003b", UsernameReason.CHARACTER, id="em-space"),
        pytest.param("a\u3000b", UsernameReason.CHARACTER, id="ideographic-space"),
        pytest.param("a\u2028b", UsernameReason.CHARACTER, id="line-separator"),
        pytest.param("a\tb", UsernameReason.CHARACTER, id="tab"),
        pytest.param("a\ue000b", UsernameReason.CHARACTER, id="private-use"),
        pytest.param("a\U0001fffe", UsernameReason.CHARACTER, id="unassigned"),
        pytest.param("a\ud800", UsernameReason.CHARACTER, id="lone-surrogate"),
        pytest.param("\u0301ada", UsernameReason.CHARACTER, id="mark-at-the-start"),
        pytest.param("ada  lovelace", UsernameReason.SPACES, id="two-spaces"),
        pytest.param("аda", UsernameReason.MIXED_ALPHABETS, id="cyrillic-a-in-latin"),
        pytest.param("adο", UsernameReason.MIXED_ALPHABETS, id="greek-o-in-latin"),
        pytest.param("Ωмега", UsernameReason.MIXED_ALPHABETS, id="greek-in-cyrillic"),
    ],
)
def test_refused(text, reason):
    with pytest.raises(UsernameError) as refused:
        parse_username(text)
    assert refused.value.reason is reason
    assert try_username_key(text) is None
    assert not text or text not in str(refused.value)


@given(st.text(max_size=MAX_LENGTH + 2))
def test_a_key_is_the_key_of_itself_and_of_the_name(text):
    try:
        name, key = parse_username(text)
    except UsernameError:
        return
    assert try_username_key(name) == key
    assert try_username_key(key) in (key, None)
    assert unicodedata.is_normalized("NFKC", key)
    assert key == key.casefold()
    assert "\n" not in name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("  Ada   Lovelace ", "Ada Lovelace", id="spaces"),
        pytest.param("علي", "علي", id="written-from-the-right"),
        pytest.param("Ada 🐝", "Ada 🐝", id="picture"),
        pytest.param("\u202eecalevol ada", "ecalevol ada", id="turns-the-direction"),
        pytest.param("\ufeff\u200b", "", id="not-to-be-seen"),
        pytest.param("\x1b[2JAda\x00", "[2JAda", id="commands-a-terminal"),
        pytest.param("Ada\r\nRole: superuser", "Ada Role: superuser", id="a-second-line"),
        pytest.param("a" * MAX_LENGTH + "b", "a" * MAX_LENGTH, id="too-long"),
    ],
)
def test_the_name_that_others_see_is_one_line_of_what_can_be_seen(text, name):
    assert shown_name(text) == name
    assert User(display_name=text).display_name == name
