import hashlib

import pytest

from fastness.auth import commonpasswords
from fastness.auth.commonpasswords import is_common


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        pytest.param("password", True, id="the-first-of-all-lists"),
        pytest.param("pbssword", False, id="one-letter-off-is-another-word"),
        pytest.param("PassWord", True, id="case"),
        pytest.param("ｐａｓｓｗｏｒｄ", True, id="full-width"),
        pytest.param("manchesterunited", True, id="long-and-listed"),
        pytest.param("manchesterunites", False, id="long-and-not"),
        pytest.param("passwordpassword", True, id="twice"),
        pytest.param("monkeymonkeymonkey", True, id="three-times-a-short-one"),
        pytest.param("password19850312", True, id="with-a-date"),
        pytest.param("password1234567890123", True, id="with-the-row-of-digits"),
        pytest.param("!!!!!!!!!!password", True, id="with-one-sign-many-times"),
        pytest.param("password 83650274915", False, id="with-eleven-digits-that-say-nothing"),
        pytest.param("xxxxxxxxxxxxxxx", True, id="one-letter"),
        pytest.param("abababababababab", True, id="two-letters"),
        pytest.param("qwertyuiopasdfgh", True, id="keyboard"),
        pytest.param("hgfdsapoiuytrewq", True, id="keyboard-backwards"),
        pytest.param("123456789012345", True, id="digits"),
        pytest.param("correct horse battery", False, id="words"),
        pytest.param("Übung macht den Meister", False, id="words-of-any-language"),
        pytest.param("", True, id="nothing"),
    ],
)
def test_v6_2_4_what_everybody_tries(password, expected):
    assert is_common(password) is expected


def test_v6_2_4_more_than_3000_that_are_long_enough_are_refused():
    # Of each listed entry the mark is kept; what is made of one counts as well, so the list covers any minimum length.
    assert len(commonpasswords._marks()) > 50_000
    assert list(commonpasswords._marks()) == sorted(set(commonpasswords._marks()))


def test_chance_hits_are_as_rare_as_stated():
    hits = sum(is_common(hashlib.sha256(b"%d" % number).hexdigest()[:20]) for number in range(5_000))
    assert hits == 0


@pytest.mark.parametrize(
    "password",
    ["a" * 1024, "ab" * 512, "a" * 1023 + "b", "1" * 512 + "a" * 512, "\u0301" * 1024, "ﷺ" * 1024, "x" * 10_000_000],
)
def test_work_is_bounded(password):
    # A quadratic step on these would be stopped by the time limit of every test.
    for _ in range(50):
        is_common(password)


def test_the_licences_lie_beside_the_list():
    note = commonpasswords._FILE.with_suffix(".txt").read_text(encoding="utf-8")
    assert note.count("Copyright (c)") >= 3
    assert all(name in note for name in ("Django", "zxcvbn-ts", "BSD", "MIT"))
