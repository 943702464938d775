"""The mail address of an account: see, confirm and change it.

The change is asked for with a fresh proof of who somebody is, so that a browser left open does not lose its owner the account.
It happens when the form behind the link is posted, and the link went to the new address.

ASVS 5.0: V7.5.1, V6.3.7, V6.3.8 (whether another account has an address is told to its reader only).
"""

from typing import Final

from fastness.accounts.mailed import (
    MAIL_RATE,
    MAX_FORM_BYTES,
    add_link_pages,
    address_links_of,
    dead_link,
    drop_key,
    key_in_session,
    message,
    place_of,
)
from fastness.accounts.pages import SIGN_IN_PATH
from fastness.auth.errors import AddressTakenError, DeadLinkError
from fastness.auth.purposes import Purpose
from fastness.kernel.formats import MAX_EMAIL_LENGTH, decide_email
from fastness.kernel.texts import Text
from fastness.kernel.verdicts import Allow
from fastness.web.access import fresh, signed_in
from fastness.web.forms import text_pairs
from fastness.web.rendering import render
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

EMAIL_PATH: Final = "/account/email"
EMAIL_SENT_PATH: Final = "/account/email/sent"
EMAIL_SEND_PATH: Final = "/account/email/send"
CHANGE_PATH: Final = "/account/email/change"
CONFIRM_PATH: Final = "/account/email/confirm"
_PROVED: Final = fresh(minutes=10)

address_routes: Final = Routes()


@address_routes.get(EMAIL_PATH, access=_PROVED, name="email")
async def show_email(request: Request) -> Response:
    """The address, and the form for another one."""
    return await _email_page(request)


@address_routes.post(EMAIL_PATH, access=_PROVED, name="email", max_body_bytes=MAX_FORM_BYTES, rate=MAIL_RATE)
async def request_change(request: Request) -> Response:
    """Send a link to the new address."""
    address = dict(text_pairs(await request.form_pairs())).get("email", "").strip()
    if not isinstance(decide_email(address), Allow):
        return await _email_page(
            request, email=address[:MAX_EMAIL_LENGTH], problem=Text("Enter an address such as ada@example.com.")
        )
    user = await request.account()
    await address_links_of(request).request_change(request.db, user, address, place_of(request, CHANGE_PATH + "/"))
    return redirect(request, request.address(EMAIL_SENT_PATH))


@address_routes.post(EMAIL_SEND_PATH, access=signed_in, name="email_send", rate=MAIL_RATE)
async def send_confirmation(request: Request) -> Response:
    """Send a link to the address that the account has."""
    user = await request.account()
    if user.email and not user.has_confirmed_email:
        await address_links_of(request).request_confirmation(request.db, user, place_of(request, CONFIRM_PATH + "/"))
    return redirect(request, request.address(EMAIL_SENT_PATH))


@address_routes.get(EMAIL_SENT_PATH, access=signed_in, name="email_sent")
async def show_email_sent(request: Request) -> Response:
    """A mail is on its way."""
    return message(
        request,
        title=Text("Look into your mail"),
        lead=Text("A link is on its way to the address. Nothing changes before you follow it and confirm."),
        link=EMAIL_PATH,
        link_text=Text("Back"),
    )


async def _confirm_page(request: Request, purpose: Purpose) -> Response:
    key = key_in_session(request, purpose)
    found = None if key is None else await address_links_of(request).find(request.db, purpose, key)
    if found is None or found.user is None:
        return _dead(request, purpose)
    return render(
        request,
        "accounts/confirm_address.html",
        action=request.address(CHANGE_PATH if purpose is Purpose.CHANGE else CONFIRM_PATH),
        username=found.user.username,
        email=found.data or found.user.email,
        is_change=purpose is Purpose.CHANGE,
    )


async def _use(request: Request, purpose: Purpose) -> Response:
    links = address_links_of(request)
    key = key_in_session(request, purpose)
    if key is None:
        return _dead(request, purpose)
    try:
        if purpose is Purpose.CHANGE:
            await links.change(request.db, key, site=place_of(request, EMAIL_PATH).site)
        else:
            await links.confirm(request.db, key)
    except DeadLinkError:
        return _dead(request, purpose)
    except AddressTakenError:
        drop_key(request, purpose)
        return message(
            request,
            title=Text("Another account has this address"),
            lead=Text("You have confirmed it there. Sign in with that account, or give this one another address."),
            link=SIGN_IN_PATH,
            link_text=Text("Go to sign-in"),
            status=409,
        )
    drop_key(request, purpose)
    if purpose is Purpose.CHANGE:
        lead, where, text = Text("Every device was signed out."), SIGN_IN_PATH, Text("Sign in")
    else:
        lead, where, text = Text("Mails about your account go there."), "/", Text("Go on")
    return message(request, title=Text("The address is confirmed"), lead=lead, link=where, link_text=text)


add_link_pages(
    address_routes,
    Purpose.CHANGE,
    page=CHANGE_PATH,
    link=CHANGE_PATH + "/",
    names=("email_change", "email_change_link"),
    show=_confirm_page,
    use=_use,
)
add_link_pages(
    address_routes,
    Purpose.CONFIRM,
    page=CONFIRM_PATH,
    link=CONFIRM_PATH + "/",
    names=("email_confirm", "email_confirm_link"),
    show=_confirm_page,
    use=_use,
)


def _dead(request: Request, purpose: Purpose) -> Response:
    drop_key(request, purpose)
    return dead_link(request, again=EMAIL_PATH, again_text=Text("Ask for a new link"))


async def _email_page(request: Request, *, email: str = "", problem: str = "") -> Response:
    user = await request.account()
    return render(
        request,
        "accounts/email.html",
        status=422 if problem else 200,
        action=request.address(EMAIL_PATH),
        send=request.address(EMAIL_SEND_PATH),
        current=user.email,
        is_confirmed=user.has_confirmed_email,
        email=email,
        max_length=MAX_EMAIL_LENGTH,
        problem=problem,
    )
