"""Between the password and the session: what the session keeps until the second factor is proved.

What is pending is no identity: no access rule looks at it. It gets a new session id, as every step of a sign-in does, and every
challenge for a passkey is drawn for one answer: it is spent in the store, so that two requests with one answer are told apart.

ASVS 5.0: V7.2.4, V2.3.1, V6.7.2.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from os import urandom
from typing import Final

from fastness.accounts.late import signing_in_of
from fastness.auth.factor_types import Pending, Step
from fastness.sessions.identity import Identity
from fastness.web.devices import make_device_known
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect

FACTOR_PATH: Final = "/account/second-factor"
SET_UP_PATH: Final = "/account/second-factor/set-up"
_PENDING: Final = "fastness.pending"
_CHALLENGE: Final = "fastness.challenge"
_CHALLENGE_BYTES: Final = 32
_CHALLENGE_SECONDS: Final = 300


def continue_sign_in(
    request: Request, identity: Identity, step: Step, *, username: str, remember: bool, next_path: str
) -> Response:
    """After a right password: sign in, or go on to the second factor. `next_path` is checked already."""
    if step is Step.DONE:
        request.site.sessions.sign_in(request.session, identity, remember=remember)
        make_device_known(request.exchange, identity, username)
        return redirect(request, next_path or request.address("/"))
    pending = signing_in_of(request).begin(identity, step, remember=remember, next_path=next_path)
    request.session.set(_PENDING, pending.to_json())
    # Whoever planted the id in this browser shall not stand beside the door when the password has opened it.
    request.site.sessions.rotate(request.session)
    return redirect(request, request.address(FACTOR_PATH if step is Step.FACTOR else SET_UP_PATH))


async def pending_of(request: Request, step: Step) -> Pending | None:
    """What is pending at this step; None if nothing is, or not any more."""
    value = request.session.get(_PENDING)
    if not isinstance(value, dict):
        return None
    try:
        pending = Pending.from_json(value)
    except (KeyError, TypeError, ValueError):
        return None
    if pending.step is not step or not await signing_in_of(request).is_current(pending):
        return None
    return pending


def complete(request: Request, pending: Pending, identity: Identity) -> str:
    """Sign in; returns the address to go on to. What was pending is dropped with the other values of the session."""
    request.site.sessions.sign_in(request.session, identity, remember=pending.remember)
    make_device_known(request.exchange, identity)
    return pending.next or request.address("/")


def draw_challenge(request: Request, purpose: str) -> bytes:
    """A challenge for one answer in this session."""
    challenge = urandom(_CHALLENGE_BYTES)
    until = request.site.clock.epoch() + _CHALLENGE_SECONDS
    text = urlsafe_b64encode(challenge).decode("ascii")
    request.session.set(_CHALLENGE, {"purpose": purpose, "value": text, "until": until})
    return challenge


async def take_challenge(request: Request, purpose: str) -> bytes | None:
    """The challenge that was drawn for this purpose, once."""
    kept = request.session.get(_CHALLENGE)
    if not isinstance(kept, dict):
        return None
    request.session.delete(_CHALLENGE)
    value, until = kept.get("value"), kept.get("until")
    now = request.site.clock.epoch()
    if (
        kept.get("purpose") != purpose
        or not isinstance(value, str)
        or not isinstance(until, int | float)
        or not now < until
    ):
        return None
    challenge = urlsafe_b64decode(value)
    spent = await request.site.store.increment(b"challenge:" + sha256(challenge).digest(), expires_at=until)
    return challenge if spent == 1 else None
