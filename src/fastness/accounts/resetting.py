"""Forgot the password, or never had one: the pages behind links to a new password.

Asking answers the same for every address, after the same work; who asks learns nothing but what a mail address looks like. The
form names the account, so that somebody who was sent another person's link sees it. Whoever has set a password signs in with
it like anybody else, second factor included.

ASVS 5.0: V6.3.8 (text, status and work do not tell who has an account), V6.4.1, V6.4.3, V6.2.4 (checked like every password).
"""

from typing import Final

from fastness.accounts.mailed import (
    MAIL_RATE,
    MAX_FORM_BYTES,
    add_link_pages,
    dead_link,
    drop_key,
    key_in_session,
    message,
    password_links_of,
    place_of,
)
from fastness.accounts.pages import SIGN_IN_PATH
from fastness.auth.errors import DeadLinkError, PasswordRefusedError
from fastness.auth.purposes import Purpose
from fastness.auth.throttle import Throttle
from fastness.kernel.formats import MAX_EMAIL_LENGTH, decide_email
from fastness.kernel.texts import Text
from fastness.kernel.verdicts import Allow
from fastness.web.access import public
from fastness.web.forms import text_pairs
from fastness.web.rendering import render
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

RESET_PATH: Final = "/account/reset"
RESET_SENT_PATH: Final = "/account/reset/sent"
RESET_FORM_PATH: Final = "/account/reset/new"
INVITE_PATH: Final = "/account/invite/"
INVITE_FORM_PATH: Final = "/account/invite/accept"
PASSWORD_SET_PATH: Final = "/account/password-set"  # noqa: S105 - an address
_FORM_PATHS: Final = {Purpose.RESET: RESET_FORM_PATH, Purpose.INVITE: INVITE_FORM_PATH}
_MAX_NAME: Final = 254

reset_routes: Final = Routes()


@reset_routes.get(RESET_PATH, access=public, name="reset_password")
async def show_reset(request: Request) -> Response:
    """Ask for the address."""
    return _reset_page(request)


@reset_routes.post(RESET_PATH, access=public, name="reset_password", max_body_bytes=MAX_FORM_BYTES, rate=MAIL_RATE)
async def request_reset(request: Request) -> Response:
    """Write down that somebody asked; who that is, is looked up in the worker."""
    address = dict(text_pairs(await request.form_pairs())).get("email", "").strip()
    if not isinstance(decide_email(address), Allow):
        return _reset_page(
            request, email=address[:MAX_EMAIL_LENGTH], problem=Text("Enter an address such as ada@example.com.")
        )
    await password_links_of(request).request_reset(request.db, address, place_of(request, RESET_PATH + "/"))
    return redirect(request, request.address(RESET_SENT_PATH))


@reset_routes.get(RESET_SENT_PATH, access=public, name="reset_sent")
async def show_reset_sent(request: Request) -> Response:
    """The same words for everybody."""
    return message(
        request,
        title=Text("Look into your mail"),
        lead=Text(
            "If the address is that of an account, a link to a new password is on its way. It works once, for a short time."
        ),
        link=SIGN_IN_PATH,
        link_text=Text("Back to sign-in"),
    )


@reset_routes.get(PASSWORD_SET_PATH, access=public, name="password_set")
async def show_password_set(request: Request) -> Response:
    """It is done."""
    return message(
        request,
        title=Text("Your password is set"),
        lead=Text("Every device was signed out. Sign in with the new password."),
        link=SIGN_IN_PATH,
        link_text=Text("Sign in"),
    )


async def _show_form(
    request: Request,
    purpose: Purpose,
    *,
    refused: PasswordRefusedError | None = None,
    display_name: str | None = None,
) -> Response:
    links = password_links_of(request)
    key = key_in_session(request, purpose)
    user = None if key is None else await links.find_user(request.db, purpose, key)
    if user is None:
        return _dead(request, purpose)
    has_factor = await links.needs_factor(request.db, user)
    return render(
        request,
        "accounts/new_password.html",
        status=200 if refused is None else 422,
        action=request.address(_FORM_PATHS[purpose]),
        username=user.username,
        display_name=user.display_name if display_name is None else display_name,
        asks_name=purpose is Purpose.INVITE,
        min_length=links.policy.min_length(has_second_factor=has_factor),
        problem="" if refused is None else links.policy.refusal(refused, has_second_factor=has_factor),
    )


async def _set_password(request: Request, purpose: Purpose) -> Response:
    fields = dict(text_pairs(await request.form_pairs()))
    display_name = " ".join(fields.get("display_name", "").split())[:_MAX_NAME] if purpose is Purpose.INVITE else None
    links = password_links_of(request)
    key = key_in_session(request, purpose)
    if key is None:
        return _dead(request, purpose)
    site = place_of(request, RESET_PATH).site
    try:
        user = await links.set_password(
            request.db, purpose, key, fields.get("password", ""), site=site, display_name=display_name
        )
    except PasswordRefusedError as error:
        return await _show_form(request, purpose, refused=error, display_name=display_name)
    except DeadLinkError:
        return _dead(request, purpose)
    # Whoever slowed the account by guessing has to begin anew, and its owner need not wait. Codes stay counted: a mailbox is
    # one factor.
    throttle = request.site.service(Throttle)
    await throttle.unlock(user.username, user.email, user_id=user.id, by="a link in a mail", factors=False)
    drop_key(request, purpose)
    return redirect(request, request.address(PASSWORD_SET_PATH))


add_link_pages(
    reset_routes,
    Purpose.RESET,
    page=RESET_FORM_PATH,
    link=RESET_PATH + "/",
    names=("reset_form", "reset_link"),
    show=_show_form,
    use=_set_password,
)
add_link_pages(
    reset_routes,
    Purpose.INVITE,
    page=INVITE_FORM_PATH,
    link=INVITE_PATH,
    names=("invite_form", "invite_link"),
    show=_show_form,
    use=_set_password,
)


def _dead(request: Request, purpose: Purpose) -> Response:
    drop_key(request, purpose)
    if purpose is Purpose.RESET:
        return dead_link(request, again=RESET_PATH, again_text=Text("Ask for a new link"))
    return dead_link(request, again=SIGN_IN_PATH, again_text=Text("Go to sign-in"))


def _reset_page(request: Request, *, email: str = "", problem: str = "") -> Response:
    return render(
        request,
        "accounts/reset.html",
        status=422 if problem else 200,
        action=request.address(RESET_PATH),
        email=email,
        max_length=MAX_EMAIL_LENGTH,
        problem=problem,
        sign_in=request.address(SIGN_IN_PATH),
    )
