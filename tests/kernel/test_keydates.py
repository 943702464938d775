"""The day in front of a key."""

from datetime import date

import pytest

from fastness.kernel.keydates import dated_key, try_day_of
from fastness.kernel.tokens import random_token


def test_the_day_comes_back():
    assert try_day_of(dated_key(random_token(48), date(2026, 2, 28))) == date(2026, 2, 28)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param(random_token(48), id="none"),
        pytest.param("k20260230.x", id="no-such-day"),
        pytest.param("k2026022.x", id="short"),
        pytest.param("k٢٠٢٦٠٢٢٨.x", id="digits-of-another-script"),
        pytest.param("k20260228x", id="no-dot"),
        pytest.param("xk20260228.x", id="not-at-the-beginning"),
    ],
)
def test_a_key_without_a_day(key):
    assert try_day_of(key) is None
