"""Proof that a running app and the person who is about to scan it hold the same key.

A scan sends what attacks send, so it starts only at an app of one's own. Whoever asks signs a question with the app's key;
the app answers with a MAC over the question, and both know that the other holds the key, which neither has sent. A question
names the host it is for, and an app answers for its own host only: a site that passes the question on to the real app, to be
taken for it, gets no answer. Whoever sees a question can repeat it for a minute and learns nothing new by it.

Trusted is whoever holds the key. The answer opens nothing: it lets nobody in and lifts no limit. ASVS 5.0: V9.2.1 (time span),
V11.4.1 (approved hash functions).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64Error
from typing import Final

from fastness.kernel.errors import TamperedError
from fastness.kernel.signing import Keyring
from fastness.kernel.tokens import random_token

PROOF_PATH: Final = "/-/probe"
PROOF_HEADER: Final = b"fastness-probe"
VALID_SECONDS: Final = 60
_QUESTION: Final = "fastness.probe.question"
_ANSWER: Final = "fastness.probe.answer"


def ask(keyring: Keyring, host: str, *, now: float) -> str:
    """A question for the app that answers under this Host header."""
    payload = f"{random_token()} {host}".encode()
    return keyring.sign(_QUESTION, payload, expires_at=int(now) + VALID_SECONDS)


def try_answer(keyring: Keyring, question: str, host: str, *, now: float) -> bytes | None:
    """The answer to a question for this host; `None` where it is not one, too old, or for another host."""
    try:
        payload = keyring.verify(_QUESTION, question, now=now)
    except TamperedError:
        return None
    if payload.partition(b" ")[2] != host.encode():
        return None
    return urlsafe_b64encode(keyring.mac(_ANSWER, question.encode()))


def is_answered(keyring: Keyring, question: str, answer: bytes) -> bool:
    """Whether the answer was made with one of our keys for this very question."""
    try:
        digest = urlsafe_b64decode(answer)
    except (NotBase64Error, ValueError):
        return False
    return keyring.check_mac(_ANSWER, digest, question.encode())
