"""Change one's own password: the old one, the new one, and every other device is signed out.

The old password goes through the same door as a sign-in: the same work, throttle and event (ASVS 5.0 V6.2.3). The fields take
what is pasted and what a password manager fills in (V6.2.7), and the new one can be shown (V6.2.6). How strong it is, a script
guesses in the browser and sends nothing; without it the page works as well, and what decides is the server (V6.2.4).
"""

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Final

from fastness.accounts.late import factors_of
from fastness.accounts.mailed import message
from fastness.accounts.pages import wait_text, with_wait
from fastness.auth.errors import PasswordRefusedError, ThrottledError
from fastness.kernel.texts import Text
from fastness.web.access import signed_in
from fastness.web.forms import text_pairs
from fastness.web.https import without_port
from fastness.web.rendering import render
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

if TYPE_CHECKING:
    from fastness.auth.own_password import OwnPassword

PASSWORD_PATH: Final = "/account/password"  # noqa: S105 - an address
CHANGED_PATH: Final = "/account/password/changed"
_MAX_FORM_BYTES: Final = 32_768
_NO_OLD: Final = Text("Enter the password you have now.")
_NO_NEW: Final = Text("Enter a new password.")
_WRONG: Final = Text("This is not your password.")
_SAME: Final = Text("This is the password you have. Choose another.")

password_routes: Final = Routes()


def own_password_of(request: Request) -> "OwnPassword":
    """Changes the password of who is signed in; loaded when a page asks for it."""
    kind: type[OwnPassword] = import_module("fastness.auth.own_password").OwnPassword
    return request.site.service(kind)


@password_routes.get(PASSWORD_PATH, access=signed_in, name="password")
async def show_password(request: Request) -> Response:
    """The form."""
    return await _page(request)


@password_routes.post(PASSWORD_PATH, access=signed_in, name="password", max_body_bytes=_MAX_FORM_BYTES)
async def change_password(request: Request) -> Response:
    """Check the old password, set the new one, end the other sessions."""
    fields = dict(text_pairs(await request.form_pairs()))
    old, new = fields.get("old_password", ""), fields.get("password", "")
    old_problem = "" if old else _NO_OLD
    problem = _NO_NEW if not new else _SAME if new == old else ""
    if old_problem or problem:
        return await _page(request, old_problem=old_problem, problem=problem)
    user = request.user
    try:
        outcome = await request.site.check_password(request.exchange, user.username, old, is_proof=True)
    except ThrottledError as error:
        return with_wait(await _page(request, old_problem=wait_text(error), status=error.status), error)
    if outcome.identity is None or outcome.identity.id != user.id:
        return await _page(request, old_problem=_WRONG)
    service, has_factor = own_password_of(request), await _has_factor(request)
    site = without_port(request.host)
    try:
        at = await service.change(user.id, new, site=site, has_second_factor=has_factor, spared=request.session)
    except PasswordRefusedError as error:
        return await _page(request, problem=service.policy.refusal(error, has_second_factor=has_factor))
    # With the former epoch: what they may do is looked up again, since the password took its time and it may have changed.
    identity = replace(user, authenticated_at=at)
    request.site.sessions.sign_in(request.session, identity, remember=request.session.is_remembered)
    return redirect(request, request.address(CHANGED_PATH))


@password_routes.get(CHANGED_PATH, access=signed_in, name="password_changed")
async def show_changed(request: Request) -> Response:
    """It is done."""
    return message(
        request,
        title=Text("Your password is changed"),
        lead=Text("All your other devices were signed out. Sign in there with the new password."),
        link="/",
        link_text=Text("Go on"),
    )


async def _has_factor(request: Request) -> bool:
    """Whether a shorter password will do, since nobody gets in with it alone."""
    factors = factors_of(request)
    return factors.is_enforced(request.user) or (await factors.held(request.user.id)).has_any


async def _page(request: Request, *, old_problem: str = "", problem: str = "", status: int = 422) -> Response:
    min_length = own_password_of(request).policy.min_length(has_second_factor=await _has_factor(request))
    return render(
        request,
        "accounts/password.html",
        status=status if old_problem or problem else 200,
        action=request.address(PASSWORD_PATH),
        username=request.user.username,
        min_length=min_length,
        old_problem=old_problem,
        problem=problem,
    )
