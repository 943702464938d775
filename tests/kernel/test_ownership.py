"""Who holds the key can be asked for a proof of it; nobody else is told anything."""

import pytest

from fastness.kernel.ownership import VALID_SECONDS, ask, is_answered, try_answer
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring

NOW = 1_800_000_000.0
FIRST, SECOND = (Secret(f"ownership-tests-{name}-qT7xWv2nLk9RzB4mYc8sHd3f") for name in ("one", "two"))
OURS, THEIRS, ROTATED = Keyring(FIRST), Keyring(SECOND), Keyring(SECOND, (FIRST,))


@pytest.mark.parametrize(
    ("asks", "answers", "host", "later", "is_proved"),
    [
        pytest.param(OURS, OURS, "www.example.com", 0, True, id="same-key"),
        pytest.param(OURS, THEIRS, "www.example.com", 0, False, id="another-key"),
        pytest.param(OURS, OURS, "evil.example", 0, False, id="passed-on-by-another-host"),
        pytest.param(OURS, OURS, "www.example.com:8443", 0, False, id="another-port"),
        pytest.param(OURS, OURS, "www.example.com", VALID_SECONDS - 1, True, id="in-time"),
        pytest.param(OURS, OURS, "www.example.com", VALID_SECONDS, False, id="too-late"),
        pytest.param(ROTATED, ROTATED, "www.example.com", 0, True, id="rotated-on-both-sides"),
    ],
)
def test_a_proof_needs_key_host_and_time(asks, answers, host, later, is_proved):
    question = ask(asks, "www.example.com", now=NOW)
    answer = try_answer(answers, question, host, now=NOW + later)
    assert (answer is not None and is_answered(asks, question, answer)) is is_proved


@pytest.mark.parametrize("question", ["", "x", "v1..", "v1.YQ..", "ä", "a" * 20_000])
def test_what_is_no_question_gets_no_answer(question):
    assert try_answer(OURS, question, "www.example.com", now=NOW) is None


@pytest.mark.parametrize("answer", [b"", b"ok", b"\xff", b"A" * 44, b"<!doctype html>"])
def test_what_is_no_answer_proves_nothing(answer):
    assert not is_answered(OURS, ask(OURS, "www.example.com", now=NOW), answer)


def test_an_answer_belongs_to_its_question():
    one, other = (ask(OURS, "www.example.com", now=NOW) for _ in range(2))
    answer = try_answer(OURS, one, "www.example.com", now=NOW)
    assert answer is not None
    assert is_answered(OURS, one, answer)
    assert not is_answered(OURS, other, answer)
