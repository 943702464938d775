"""Amounts as people write them."""

import pytest
from casebook.money import amount_text, parse_amount


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        pytest.param("12.50", 1250, id="as the hint says"),
        pytest.param("12,50", 1250, id="decimal comma"),
        pytest.param("12.5", 1250, id="one digit"),
        pytest.param("12", 1200, id="whole"),
        pytest.param("0.01", 1, id="least"),
        pytest.param("10000", 1_000_000, id="most"),
        pytest.param("0.29", 29, id="what a float would make 28"),
    ],
)
def test_an_amount(text, cents):
    assert parse_amount(text) == cents


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="none"),
        pytest.param("0", id="nothing"),
        pytest.param("-5", id="less than nothing"),
        pytest.param("0.001", id="part of a cent"),
        pytest.param("1,234", id="thousands, or a third digit"),
        pytest.param("10000.01", id="more than the most"),
        pytest.param("1e3", id="exponent"),
        pytest.param("NaN", id="not a number"),
        pytest.param("\N{ARABIC-INDIC DIGIT FIVE}", id="digit of another script"),
        pytest.param("5\n", id="line"),
        pytest.param("9" * 5000, id="very long"),
    ],
)
def test_what_is_no_amount(text):
    with pytest.raises(ValueError, match=r"like 12\.50|between"):
        parse_amount(text)


@pytest.mark.parametrize(("cents", "text"), [(1, "€\xa00.01"), (123_450, "€\xa01,234.50"), (90, "€\xa00.90")])
def test_an_amount_is_shown(cents, text):
    assert amount_text(cents) == text
