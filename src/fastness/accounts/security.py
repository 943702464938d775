"""Set up and remove second factors: when signing in for the first time, or later from the overview.

A factor is a way in, so adding and removing one asks for a fresh proof of who somebody is (ASVS 5.0 V7.5.1); every change ends
the user's other sessions. Where a second factor is needed, setting one up is part of the first sign-in: until then there is no
session. The secret of a one-time password is shown once and kept sealed in the session until its first code is right; recovery
codes are shown in the answer that made them and nowhere else.

ASVS 5.0: V6.3.3, V6.3.7, V6.4.4, V7.4.3, V7.5.1.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from fastness.accounts.continuing import SET_UP_PATH, complete, draw_challenge, pending_of, take_challenge
from fastness.accounts.late import factors_of, signing_in_of
from fastness.accounts.pages import SIGN_IN_PATH, field_of
from fastness.accounts.qr import qr_code
from fastness.auth.factor_types import MAX_PASSKEY_NAME, Changed, Factor, FactorRefusedError, Pending, Step
from fastness.auth.totp import enrolment_uri, new_secret, secret_text
from fastness.kernel.texts import Text
from fastness.web.access import fresh, public, signed_in
from fastness.web.callers import caller_of
from fastness.web.rendering import render
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

SECURITY_PATH: Final = "/account/security"
APP_PATH: Final = "/account/security/app"
NEW_PASSKEY_PATH: Final = "/account/security/passkey"
_OFFER: Final = "fastness.totp"
_PURPOSE: Final = "new-passkey"
_PROVED: Final = fresh(minutes=10)
_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "code_wrong": ("code", Text("This code is not right. Type the one that the app shows now.")),
    "offer_gone": ("code", Text("Too much time has passed. Scan the new picture.")),
    "name": ("name", Text("Give the passkey a name.")),
    "too_many": ("passkey", Text("You have as many passkeys as one account may have. Remove one first.")),
    "passkey_known": ("passkey", Text("This passkey is in use already.")),
    "last_factor": ("", Text("Your account needs a second factor. Add another one before you remove this.")),
}
_OTHERWISE: Final = ("passkey", Text("This passkey was not accepted."))

security_routes: Final = Routes()


@security_routes.get(SET_UP_PATH, access=public, name="second_factor_set_up")
async def show_set_up(request: Request) -> Response:
    """Set up a second factor before the first session."""
    pending = await pending_of(request, Step.ENROL)
    if pending is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    return await _set_up_page(request, pending.user_id, SET_UP_PATH)


@security_routes.post(f"{SET_UP_PATH}/app", access=public, name="second_factor_set_up_app")
async def set_up_app(request: Request) -> Response:
    """The first code of the app, and signed in."""
    pending = await pending_of(request, Step.ENROL)
    if pending is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    try:
        changed = await _add_app(request, pending.user_id, is_first=True)
    except FactorRefusedError as error:
        return await _not_set_up(request, pending, error)
    return await _first_session(request, pending, changed, Factor.TOTP)


@security_routes.post(f"{SET_UP_PATH}/passkey", access=public, name="second_factor_set_up_passkey")
async def set_up_passkey(request: Request) -> Response:
    """The first passkey, and signed in."""
    pending = await pending_of(request, Step.ENROL)
    if pending is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    try:
        changed = await _add_passkey(request, pending.user_id, is_first=True)
    except FactorRefusedError as error:
        return await _not_set_up(request, pending, error)
    return await _first_session(request, pending, changed, Factor.PASSKEY)


@security_routes.get(SECURITY_PATH, access=signed_in, name="security")
async def show_security(request: Request) -> Response:
    """The user's second factors."""
    return await _overview(request)


@security_routes.get(APP_PATH, access=_PROVED, name="security_app")
async def show_app(request: Request) -> Response:
    """Set up an app for one-time passwords."""
    return await _set_up_page(request, request.user.id, APP_PATH, kinds=("app",))


@security_routes.post(APP_PATH, access=_PROVED, name="security_app")
async def add_app(request: Request) -> Response:
    """The first code of the app."""
    try:
        changed = await _add_app(request, request.user.id)
    except FactorRefusedError as error:
        user_id = request.user.id
        return await _set_up_page(request, user_id, APP_PATH, kinds=("app",), problem=_problem(error), status=422)
    return _added(request, changed)


@security_routes.post(f"{APP_PATH}/remove", access=_PROVED, name="security_app_remove")
async def remove_app(request: Request) -> Response:
    """Remove the app."""
    factors, user = factors_of(request), request.user
    try:
        await factors.remove_totp(user.id, is_needed=factors.is_enforced(user), except_session=request.session)
    except FactorRefusedError as error:
        return await _overview(request, problem=_problem(error)[1], status=422)
    return await _removed(request)


@security_routes.get(NEW_PASSKEY_PATH, access=_PROVED, name="security_passkey")
async def show_new_passkey(request: Request) -> Response:
    """Add a passkey."""
    return await _set_up_page(request, request.user.id, NEW_PASSKEY_PATH, kinds=("passkey",))


@security_routes.post(NEW_PASSKEY_PATH, access=_PROVED, name="security_passkey")
async def add_passkey(request: Request) -> Response:
    """The passkey that the browser made."""
    user_id = request.user.id
    try:
        changed = await _add_passkey(request, user_id)
    except FactorRefusedError as error:
        return await _set_up_page(
            request, user_id, NEW_PASSKEY_PATH, kinds=("passkey",), problem=_problem(error), status=422
        )
    return _added(request, changed)


@security_routes.post(f"{NEW_PASSKEY_PATH}/remove", access=_PROVED, name="security_passkey_remove")
async def remove_passkey(request: Request) -> Response:
    """Revoke one passkey."""
    factors, user = factors_of(request), request.user
    try:
        passkey_id = UUID(await field_of(request, "passkey"))
        await factors.remove_passkey(
            user.id, passkey_id, is_needed=factors.is_enforced(user), except_session=request.session
        )
    except ValueError:
        return await _overview(request, status=422)
    except FactorRefusedError as error:
        return await _overview(request, problem=_problem(error)[1], status=422)
    return await _removed(request)


@security_routes.post(f"{NEW_PASSKEY_PATH}/rename", access=_PROVED, name="security_passkey_rename")
async def rename_passkey(request: Request) -> Response:
    """Call a passkey something else."""
    try:
        passkey_id = UUID(await field_of(request, "passkey"))
        await factors_of(request).rename_passkey(request.user.id, passkey_id, await field_of(request, "name"))
    except ValueError:
        return await _overview(request, status=422)
    except FactorRefusedError as error:
        return await _overview(request, problem=_problem(error)[1], status=422)
    return redirect(request, request.address(SECURITY_PATH))


@security_routes.post(f"{SECURITY_PATH}/codes", access=_PROVED, name="security_codes")
async def renew_codes(request: Request) -> Response:
    """New recovery codes in place of the old."""
    try:
        changed = await factors_of(request).renew_codes(request.user.id, except_session=request.session)
    except FactorRefusedError as error:
        return await _overview(request, problem=_problem(error)[1], status=422)
    # Nothing was proved by it: the time of the proof stays.
    _renew_session(request, second_factor_at=request.user.second_factor_at)
    return _codes_page(request, changed)


async def _not_set_up(request: Request, pending: Pending, error: FactorRefusedError) -> Response:
    if error.reason == "has_factor":  # it is asked for, as of everybody who has one
        return redirect(request, request.address(SIGN_IN_PATH))
    return await _set_up_page(request, pending.user_id, SET_UP_PATH, problem=_problem(error), status=422)


async def _add_app(request: Request, user_id: UUID, *, is_first: bool = False) -> Changed:
    factors = factors_of(request)
    offer = request.session.get(_OFFER)
    secret = None if not isinstance(offer, str) else factors.open_offer(user_id, offer)
    if secret is None:
        raise FactorRefusedError("offer_gone")
    code = await field_of(request, "code")
    changed = await factors.add_totp(user_id, secret, code, is_first=is_first, except_session=request.session)
    request.session.delete(_OFFER)
    return changed


async def _add_passkey(request: Request, user_id: UUID, *, is_first: bool = False) -> Changed:
    factors = factors_of(request)
    challenge = await take_challenge(request, _PURPOSE)
    party = factors.party(request.host)
    if challenge is None or party is None:
        raise FactorRefusedError("challenge_gone")
    answer, name = await field_of(request, "answer"), await field_of(request, "name")
    made = factors.check_creation(party, challenge, answer)
    return await factors.add_passkey(user_id, made, name, is_first=is_first, except_session=request.session)


async def _first_session(request: Request, pending: Pending, changed: Changed, factor: Factor) -> Response:
    signing_in = signing_in_of(request)
    identity = await signing_in.finish(pending, factor, epoch=changed.epoch, caller=caller_of(request.exchange))
    if identity is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    target = complete(request, pending, identity)
    return render(request, "accounts/recovery_codes.html", codes=changed.recovery_codes, target=target)


def _added(request: Request, changed: Changed) -> Response:
    _renew_session(request, second_factor_at=request.site.clock.epoch())
    return (
        _codes_page(request, changed) if changed.recovery_codes else redirect(request, request.address(SECURITY_PATH))
    )


def _codes_page(request: Request, changed: Changed) -> Response:
    target = request.address(SECURITY_PATH)
    return render(request, "accounts/recovery_codes.html", codes=changed.recovery_codes, target=target)


async def _removed(request: Request) -> Response:
    has_any = (await factors_of(request).held(request.user.id)).has_any
    _renew_session(request, second_factor_at=request.user.second_factor_at if has_any else None)
    return redirect(request, request.address(SECURITY_PATH))


def _renew_session(request: Request, *, second_factor_at: float | None) -> None:
    """This session goes on under a new id; all others of the user have ended.

    With the former epoch: what they may do is looked up again, as it may have changed while the factor did.
    """
    renewed = replace(request.user, second_factor_at=second_factor_at)
    request.site.sessions.sign_in(request.session, renewed, remember=request.session.is_remembered)


async def _overview(request: Request, *, problem: str = "", status: int = 200) -> Response:
    factors = factors_of(request)
    held = await factors.held(request.user.id)
    return render(
        request,
        "accounts/security.html",
        status=status,
        held=held,
        problem=problem,
        may_add_passkey=factors.party(request.host) is not None,
        app=request.address(APP_PATH),
        app_remove=request.address(f"{APP_PATH}/remove"),
        passkey=request.address(NEW_PASSKEY_PATH),
        passkey_remove=request.address(f"{NEW_PASSKEY_PATH}/remove"),
        passkey_rename=request.address(f"{NEW_PASSKEY_PATH}/rename"),
        name_length=MAX_PASSKEY_NAME,
        codes=request.address(f"{SECURITY_PATH}/codes"),
    )


async def _set_up_page(
    request: Request,
    user_id: UUID,
    path: str,
    *,
    kinds: tuple[str, ...] = ("app", "passkey"),
    problem: tuple[str, str] | None = None,
    status: int = 200,
) -> Response:
    factors = factors_of(request)
    username = await factors.username(user_id)
    is_first = len(kinds) > 1
    values: dict[str, Any] = {"problem": problem, "is_first": is_first, "app_action": "", "passkey_action": ""}
    if "app" in kinds:
        secret = _offered(request, user_id, keep=problem is not None)
        qr = qr_code(enrolment_uri(secret, issuer=factors.site, account=username))
        values |= {"app_action": request.address(f"{path}/app" if is_first else path), "qr": qr}
        values["secret"] = secret_text(secret)
    party = factors.party(request.host) if "passkey" in kinds else None
    if party is not None:
        held = await factors.held(user_id)
        challenge = draw_challenge(request, _PURPOSE)
        values["options"] = factors.creation_options(party, challenge, user_id, username, held.passkeys)
        values["passkey_action"] = request.address(f"{path}/passkey" if is_first else path)
    return render(request, "accounts/factor_set_up.html", status=status, **values)


def _offered(request: Request, user_id: UUID, *, keep: bool) -> bytes:
    """The secret of this set-up: the same one after a mistyped code, a new one for a new page."""
    factors = factors_of(request)
    offer = request.session.get(_OFFER)
    secret = factors.open_offer(user_id, offer) if keep and isinstance(offer, str) else None
    if secret is None:
        secret = new_secret()
        request.session.set(_OFFER, factors.seal_offer(user_id, secret))
    return secret


def _problem(error: FactorRefusedError) -> tuple[str, str]:
    return _TEXTS.get(error.reason, _OTHERWISE)
