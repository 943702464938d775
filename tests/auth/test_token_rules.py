"""The form of API tokens: found by scanners, and told from a typing mistake without a look at the database."""

import re
import uuid

import pytest

from fastness.auth.token_rules import SCANNER_PATTERN, TokenRules, make_token_text, try_token_id
from fastness.kernel.errors import ConfigError

ID = uuid.UUID("4f0c2a52-41f4-4c33-8f6c-2f60a1b0c7de")
TOKEN = make_token_text(ID).reveal()


def test_v7_2_3_a_token_has_256_random_bits_and_is_found_by_its_pattern():
    assert re.fullmatch(SCANNER_PATTERN, TOKEN)
    assert try_token_id(TOKEN) == ID
    secrets = {make_token_text(ID).reveal()[37:-8] for _ in range(50)}
    assert len(secrets) == 50
    assert {len(one) for one in secrets} == {64}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(TOKEN[:-1], id="cut"),
        pytest.param(TOKEN + "0", id="longer"),
        pytest.param(TOKEN + "\n", id="line-feed"),
        pytest.param(TOKEN.upper(), id="capitals"),
        pytest.param(TOKEN.replace("fst_", "ghp_"), id="of-somebody-else"),
        pytest.param(TOKEN[:40] + ("0" if TOKEN[40] != "0" else "1") + TOKEN[41:], id="one-letter-wrong"),
        pytest.param("fst_" + "é" * 105, id="not-ascii"),
    ],
)
def test_what_is_no_token_of_ours(text):
    assert try_token_id(text) is None


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"max_days": 0}, id="none"),
        pytest.param({"max_days": 4000}, id="for-ever"),
        pytest.param({"max_days": 10, "default_days": 11}, id="default-beyond"),
        pytest.param({"max_per_user": 0}, id="nobody-has-one"),
        pytest.param({"cache_seconds": 0}, id="cache"),
    ],
)
def test_rules_that_cannot_be(values):
    with pytest.raises(ConfigError):
        TokenRules(**values)
