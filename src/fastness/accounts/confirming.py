"""Step-up: whoever is signed in proves once more who they are, and goes on where they were.

Asked for by `access.fresh(…)`, and where a session comes from another browser or network than before. Whoever has a second factor
proves both: password and code, or a passkey, which is both at once; a session that was taken with the password is no way past.
The password goes the one way that every password goes, throttle and log included, and signs nobody in. A right proof starts the
session anew: a new id, new clocks, the values kept. What was typed into a form before the question is kept in this page and
offered again, to be looked at and sent; it is not sent by itself, because it came before anybody had shown that it was theirs.

ASVS 5.0: V7.2.4 (new token), V7.5.1, V7.5.3, V6.3.1 (one controlled path), V6.3.3, V6.3.5.
"""

from dataclasses import replace
from typing import Final

from fastness.accounts.continuing import draw_challenge, take_challenge
from fastness.accounts.late import factors_of, signing_in_of
from fastness.accounts.pages import SIGN_IN_PATH, next_target, wait_text, with_wait
from fastness.auth.errors import ThrottledError
from fastness.auth.factor_types import Factor, Held
from fastness.kernel.texts import Text
from fastness.sessions.identity import Identity
from fastness.web.access import public
from fastness.web.callers import caller_of
from fastness.web.contexts import note_context
from fastness.web.forms import text_pairs
from fastness.web.pages import CONFIRM_PATH, KEPT_PREFIX, Confirmation, confirm_page, resend_page
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

_PASSKEY_PATH: Final = f"{CONFIRM_PATH}/passkey"
_PURPOSE: Final = "confirm"
_NO_PASSWORD: Final = ("password", Text("Enter your password."))
_WRONG_PASSWORD: Final = ("password", Text("This is not your password."))
_NO_CODE: Final = ("code", Text("Enter a code as well."))
_WRONG_CODE: Final = ("code", Text("This code is not right, or was used already."))
_WRONG_PASSKEY: Final = ("passkey", Text("This passkey was not accepted."))

confirm_routes: Final = Routes()


class _NotProved(Exception):  # noqa: N818 - never leaves this file
    """What is wrong with a proof: the field, and the text beside it."""

    def __init__(self, problem: tuple[str, str]) -> None:
        super().__init__(problem[1])
        self.problem = problem


@confirm_routes.get(CONFIRM_PATH, access=public, name="confirm")
async def show_confirm(request: Request) -> Response:
    """Ask whoever is signed in."""
    identity = _signed_in(request)
    if identity is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    return await _page(request, identity, Confirmation(next_path=next_target(request, request.query.get("next"))))


@confirm_routes.post(CONFIRM_PATH, access=public, name="confirm")
async def confirm(request: Request) -> Response:
    """Check password and code, and go on."""
    identity = _signed_in(request)
    if identity is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    waiting, fields = await _waiting(request)
    try:
        proved = await _prove(request, identity, fields)
    except _NotProved as error:
        return await _page(request, identity, waiting, problem=error.problem)
    except ThrottledError as error:
        page = await _page(request, identity, waiting, problem=("password", wait_text(error)), status=error.status)
        return with_wait(page, error)
    return _go_on(request, proved, waiting)


@confirm_routes.post(_PASSKEY_PATH, access=public, name="confirm_passkey")
async def confirm_with_passkey(request: Request) -> Response:
    """Check a passkey, which needs no password, and go on."""
    identity = _signed_in(request)
    if identity is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    waiting, fields = await _waiting(request)
    factors, caller = factors_of(request), caller_of(request.exchange)
    party, challenge = factors.party(request.host), await take_challenge(request, _PURPOSE)
    if party is not None and challenge is not None:
        answered = await factors.prove_passkey(
            party, challenge=challenge, text=fields.get("answer", ""), user_id=identity.id, caller=caller
        )
        proved = (
            None if answered is None else await signing_in_of(request).confirm(identity, Factor.PASSKEY, caller=caller)
        )
        if proved is not None:
            return _go_on(request, proved, waiting)
    return await _page(request, identity, waiting, problem=_WRONG_PASSKEY)


async def _prove(request: Request, identity: Identity, fields: dict[str, str]) -> Identity:
    """Who it is, by password and code as typed. Raises `_NotProved` and `ThrottledError`."""
    password, code = fields.get("password", ""), fields.get("code", "")
    factors = factors_of(request)
    needs_code = (await factors.held(identity.id)).has_any
    if not password:
        raise _NotProved(_NO_PASSWORD)
    if needs_code and not code.strip():
        raise _NotProved(_NO_CODE)
    outcome = await request.site.check_password(request.exchange, identity.username, password, is_proof=True)
    proved = outcome.identity
    if proved is None or proved.id != identity.id:
        raise _NotProved(_WRONG_PASSWORD)
    if not needs_code:
        return proved
    factor = await factors.prove_code(identity.id, code, caller=caller_of(request.exchange))
    if factor is None:
        await factors.warn(identity.id)
        raise _NotProved(_WRONG_CODE)
    confirmed = await signing_in_of(request).confirm(proved, factor, caller=caller_of(request.exchange))
    if confirmed is None:
        raise _NotProved(_WRONG_PASSWORD)
    return confirmed


def _go_on(request: Request, proved: Identity, waiting: Confirmation) -> Response:
    renew(request, proved)
    if waiting.action:
        return resend_page(request, action=waiting.action, fields=waiting.fields)
    return redirect(request, waiting.next_path or request.address("/"))


def renew(request: Request, proved: Identity) -> None:
    """The same session under a new id, with the proof of now."""
    request.exchange.must_confirm = False
    session = request.session
    request.site.sessions.sign_in(session, proved, remember=session.is_remembered)
    note_context(request.exchange, session)


async def _waiting(request: Request) -> tuple[Confirmation, dict[str, str]]:
    """What waits for the proof, and the fields of the proof."""
    pairs = list(text_pairs(await request.form_pairs()))
    fields = dict(pairs)
    kept = tuple((name.removeprefix(KEPT_PREFIX), value) for name, value in pairs if name.startswith(KEPT_PREFIX))
    next_path, action = next_target(request, fields.get("next")), next_target(request, fields.get("action"))
    return Confirmation(next_path=next_path, action=action, fields=kept), fields


async def _page(
    request: Request,
    identity: Identity,
    waiting: Confirmation,
    *,
    problem: tuple[str, str] | None = None,
    status: int = 422,
) -> Response:
    factors = factors_of(request)
    held: Held = await factors.held(identity.id)
    waiting = replace(waiting, asks_code=held.has_any)
    if held.passkeys and (party := factors.party(request.host)) is not None:
        options = factors.request_options(party, draw_challenge(request, _PURPOSE), held.passkeys)
        waiting = replace(waiting, passkey_action=request.address(_PASSKEY_PATH), options=options)
    return confirm_page(request, waiting, problem=problem, status=status if problem else 200)


def _signed_in(request: Request) -> Identity | None:
    """Whose session it is, also where they have to confirm before they count as signed in."""
    request.exchange.is_private = True
    session = request.exchange.session
    return None if session is None else session.identity
