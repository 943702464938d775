"""No two role names look the same."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastness.authz.rolenames import MAX_LENGTH, RoleNameError, RoleNameReason, parse_role_name

R = RoleNameReason


@pytest.mark.parametrize(
    "name", ["editors", "a", "case-workers", "case_workers", "tier2", "superuser", "x" * MAX_LENGTH]
)
def test_a_name_is_taken_as_it_is(name):
    assert parse_role_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("", R.EMPTY, id="empty"),
        pytest.param("x" * (MAX_LENGTH + 1), R.TOO_LONG, id="too-long"),
        pytest.param("Editors", R.CHARACTER, id="capital"),
        pytest.param(" editors", R.CHARACTER, id="space-before"),
        pytest.param("editors\n", R.CHARACTER, id="line-feed-after"),
        pytest.param("case workers", R.CHARACTER, id="space"),
        pytest.param("2nd", R.CHARACTER, id="digit-first"),
        pytest.param("-editors", R.CHARACTER, id="hyphen-first"),
        pytest.param("editors-", R.CHARACTER, id="hyphen-last"),
        pytest.param("case--workers", R.CHARACTER, id="two-hyphens"),
        pytest.param("\u0455uperuser", R.CHARACTER, id="cyrillic-s"),
        pytest.param("super\u200buser", R.CHARACTER, id="zero-width-space"),
        pytest.param("super\u00aduser", R.CHARACTER, id="soft-hyphen"),
        pytest.param("\u202esuperuser", R.CHARACTER, id="right-to-left"),
        pytest.param("\uff53uperuser", R.CHARACTER, id="full-width"),
        pytest.param("\U0001d494uperuser", R.CHARACTER, id="mathematical"),
        pytest.param("\u017fuperuser", R.CHARACTER, id="long-s-that-folds-to-s"),
        pytest.param("superuser\u0301", R.CHARACTER, id="combining-mark"),
        pytest.param("superuser\x00", R.CHARACTER, id="null"),
        pytest.param("case\u2010workers", R.CHARACTER, id="another-hyphen"),
        pytest.param("\ud800", R.CHARACTER, id="surrogate"),
        pytest.param("tier\u0662", R.CHARACTER, id="arabic-digit"),
        pytest.param("a,b", R.CHARACTER, id="comma"),
    ],
)
def test_a_name_that_could_be_taken_for_another_is_refused(name, reason):
    with pytest.raises(RoleNameError) as caught:
        parse_role_name(name)
    assert caught.value.reason is reason


@given(st.text())
def test_every_name_that_is_taken_is_its_own_folded_form(text):
    try:
        name = parse_role_name(text)
    except RoleNameError:
        return
    assert name == unicodedata.normalize("NFKC", name.casefold()).strip() == text
