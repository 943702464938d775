"""The pages of the second factor: prove one after the password, or sign in with a passkey alone.

Nobody gets further than these pages with a password where a second factor is needed. A passkey that verified its user is two
factors at once, something they have and a PIN or fingerprint, so it needs no password; the browser offers it without a name.
A right password with a wrong factor is told to the owner.

ASVS 5.0: V6.3.3, V6.3.5, V6.4.3, V2.3.1, V6.6.3.
"""

from typing import Any, Final

from fastness.accounts.continuing import FACTOR_PATH, complete, draw_challenge, pending_of, take_challenge
from fastness.accounts.late import factors_of, signing_in_of
from fastness.accounts.pages import PASSKEY_PATH, SIGN_IN_PATH, field_of, next_target, wait_text, with_wait
from fastness.auth.errors import ThrottledError
from fastness.auth.factor_types import Factor, Held, Pending, Step
from fastness.kernel.texts import Text
from fastness.web.access import public
from fastness.web.callers import caller_of
from fastness.web.devices import make_device_known
from fastness.web.rendering import render
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

_PURPOSE: Final = "second-factor"
_SIGN_IN: Final = "sign-in"
_WARNED: Final = "fastness.warned"
_CODE_REFUSED: Final = Text("This code is not right, or was used already. Wait for the next one.")
_RECOVERY_REFUSED: Final = Text("This recovery code is not right, or was used already.")
_PASSKEY_REFUSED: Final = Text("This passkey was not accepted.")

factor_routes: Final = Routes()


@factor_routes.get(FACTOR_PATH, access=public, name="second_factor")
async def show_factor(request: Request) -> Response:
    """Ask for the second factor."""
    pending = await pending_of(request, Step.FACTOR)
    if pending is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    return await _factor_page(request, pending)


@factor_routes.post(FACTOR_PATH, access=public, name="second_factor")
async def prove_code(request: Request) -> Response:
    """A one-time password."""
    pending = await pending_of(request, Step.FACTOR)
    if pending is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    code = await field_of(request, "code")
    try:
        is_right = await factors_of(request).prove_totp(pending.user_id, code, caller=caller_of(request.exchange))
    except ThrottledError as error:
        return await _wait_page(request, pending, "code", error)
    return await _go_on(request, pending, Factor.TOTP, "code", _CODE_REFUSED, is_right=is_right)


@factor_routes.post(f"{FACTOR_PATH}/recovery", access=public, name="second_factor_recovery")
async def prove_recovery(request: Request) -> Response:
    """A recovery code."""
    pending = await pending_of(request, Step.FACTOR)
    if pending is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    code = await field_of(request, "recovery")
    try:
        is_right = await factors_of(request).prove_recovery_code(
            pending.user_id, code, caller=caller_of(request.exchange)
        )
    except ThrottledError as error:
        return await _wait_page(request, pending, "recovery", error)
    return await _go_on(request, pending, Factor.RECOVERY_CODE, "recovery", _RECOVERY_REFUSED, is_right=is_right)


@factor_routes.post(f"{FACTOR_PATH}/passkey", access=public, name="second_factor_passkey")
async def prove_passkey(request: Request) -> Response:
    """A passkey of the user whose password was right."""
    pending = await pending_of(request, Step.FACTOR)
    if pending is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    factors = factors_of(request)
    party, challenge = factors.party(request.host), await take_challenge(request, _PURPOSE)
    proved = None
    if party is not None and challenge is not None:
        text = await field_of(request, "answer")
        proved = await factors.prove_passkey(
            party, challenge=challenge, text=text, user_id=pending.user_id, caller=caller_of(request.exchange)
        )
    return await _go_on(request, pending, Factor.PASSKEY, "passkey", _PASSKEY_REFUSED, is_right=proved is not None)


@factor_routes.get(PASSKEY_PATH, access=public, name="sign_in_passkey")
async def show_passkey(request: Request) -> Response:
    """Sign in with a passkey alone."""
    return _passkey_page(request, next_target(request, request.query.get("next")))


@factor_routes.post(PASSKEY_PATH, access=public, name="sign_in_passkey")
async def sign_in_with_passkey(request: Request) -> Response:
    """Whoever's passkey it is gets a new session."""
    target = next_target(request, await field_of(request, "next"))
    factors = factors_of(request)
    caller = caller_of(request.exchange)
    party, challenge = factors.party(request.host), await take_challenge(request, _SIGN_IN)
    if party is not None and challenge is not None:
        text = await field_of(request, "answer")
        proved = await factors.prove_passkey(party, challenge=challenge, text=text, user_id=None, caller=caller)
        identity = None if proved is None else await signing_in_of(request).enter(proved, caller=caller)
        if identity is not None:
            request.site.sessions.sign_in(request.session, identity)
            make_device_known(request.exchange, identity)
            return redirect(request, target or request.address("/"))
    return _passkey_page(request, target, problem=_PASSKEY_REFUSED, status=422)


async def _go_on(
    request: Request, pending: Pending, factor: Factor, field: str, problem: str, *, is_right: bool
) -> Response:
    if not is_right:
        if request.session.get(_WARNED) is None:
            request.session.set(_WARNED, value=True)
            await factors_of(request).warn(pending.user_id)
        return await _factor_page(request, pending, problem=(field, problem), status=422)
    identity = await signing_in_of(request).finish(pending, factor, caller=caller_of(request.exchange))
    if identity is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    return redirect(request, complete(request, pending, identity))


async def _wait_page(request: Request, pending: Pending, field: str, error: ThrottledError) -> Response:
    page = await _factor_page(request, pending, problem=(field, wait_text(error)), status=error.status)
    return with_wait(page, error)


async def _factor_page(
    request: Request, pending: Pending, *, problem: tuple[str, str] | None = None, status: int = 200
) -> Response:
    factors = factors_of(request)
    held: Held = await factors.held(pending.user_id)
    values: dict[str, Any] = {
        "action": request.address(FACTOR_PATH),
        "recovery_action": request.address(f"{FACTOR_PATH}/recovery"),
        "passkey_action": "",
        "options": "",
        "has_app": held.totp_since is not None,
        "problem": problem,
        "sign_in": request.address(SIGN_IN_PATH),
    }
    if held.passkeys and (party := factors.party(request.host)) is not None:
        challenge = draw_challenge(request, _PURPOSE)
        values["options"] = factors.request_options(party, challenge, held.passkeys)
        values["passkey_action"] = request.address(f"{FACTOR_PATH}/passkey")
    return render(request, "accounts/second_factor.html", status=status, **values)


def _passkey_page(request: Request, target: str, *, problem: str = "", status: int = 200) -> Response:
    factors = factors_of(request)
    party = factors.party(request.host)
    options = "" if party is None else factors.request_options(party, draw_challenge(request, _SIGN_IN), ())
    return render(
        request,
        "accounts/passkey.html",
        status=status,
        action=request.address(PASSKEY_PATH),
        options=options,
        next=target,
        problem=problem,
        sign_in=request.address(SIGN_IN_PATH),
    )
