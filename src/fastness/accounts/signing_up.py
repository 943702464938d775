"""Sign-up: the pages for it, where the settings say so; elsewhere there is nothing here.

The address comes first and is answered the same whoever has it; name and password are asked for behind the link that went there.
An app adds fields of its own with a template of the form's name and a function (`Fastness(…, on_sign_up=…)`).

ASVS 5.0: V6.3.8, V6.2.4, V2.4.1 (no mass sign-ups).
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from fastness.accounts.mailed import (
    MAIL_RATE,
    dead_link,
    drop_key,
    key_in_session,
    message,
    place_of,
    sign_ups_of,
    take_token,
)
from fastness.accounts.pages import SIGN_IN_PATH
from fastness.auth.errors import (
    AddressTakenError,
    DeadLinkError,
    PasswordRefusedError,
    SignUpRefusedError,
    UsernameError,
    UsernameTakenError,
)
from fastness.auth.purposes import Purpose
from fastness.auth.usernames import MAX_LENGTH
from fastness.kernel.formats import MAX_EMAIL_LENGTH, decide_email
from fastness.kernel.texts import Text
from fastness.kernel.verdicts import Allow
from fastness.web.access import public
from fastness.web.forms import text_pairs
from fastness.web.refusals import NotFoundError
from fastness.web.rendering import render
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

SIGN_UP_PATH: Final = "/account/sign-up"
SIGN_UP_SENT_PATH: Final = "/account/sign-up/sent"
SIGN_UP_FORM_PATH: Final = "/account/sign-up/new"
SIGNED_UP_PATH: Final = "/account/signed-up"
_MAX_FORM_BYTES: Final = 32_768
_KEPT: Final = 254
_NAME_TEXTS: Final[Mapping[str, str]] = {
    "empty": Text("Choose a username."),
    "taken": Text("This username is taken. Choose another."),
}
_NAME_OTHERWISE: Final = Text("This cannot be a username. Use letters, digits and single spaces.")

sign_up_routes: Final = Routes()


@sign_up_routes.get(SIGN_UP_PATH, access=public, name="sign_up")
async def show_sign_up(request: Request) -> Response:
    """Ask for the address."""
    _require_open(request)
    return _address_page(request)


@sign_up_routes.post(SIGN_UP_PATH, access=public, name="sign_up", max_body_bytes=_MAX_FORM_BYTES, rate=MAIL_RATE)
async def request_sign_up(request: Request) -> Response:
    """Write down that somebody asked."""
    _require_open(request)
    address = dict(text_pairs(await request.form_pairs())).get("email", "").strip()
    if not isinstance(decide_email(address), Allow):
        return _address_page(
            request, email=address[:MAX_EMAIL_LENGTH], problem=Text("Enter an address such as ada@example.com.")
        )
    await sign_ups_of(request).request(request.db, address, place_of(request, SIGN_UP_PATH + "/"))
    return redirect(request, request.address(SIGN_UP_SENT_PATH))


@sign_up_routes.get(SIGN_UP_SENT_PATH, access=public, name="sign_up_sent")
async def show_sign_up_sent(request: Request) -> Response:
    """The same words for everybody."""
    return message(
        request,
        title=Text("Look into your mail"),
        lead=Text("A mail is on its way to the address. It says how to go on."),
    )


@sign_up_routes.get(SIGN_UP_FORM_PATH, access=public, name="sign_up_form")
async def show_form(request: Request) -> Response:
    """The form behind the link."""
    _require_open(request)
    return await _form_page(request, {}, {})


@sign_up_routes.post(
    SIGN_UP_FORM_PATH, access=public, name="sign_up_form", max_body_bytes=_MAX_FORM_BYTES, rate=MAIL_RATE
)
async def complete_sign_up(request: Request) -> Response:
    """Make the account."""
    _require_open(request)
    fields = dict(text_pairs(await request.form_pairs()))
    password = fields.pop("password", "")
    sign_ups = sign_ups_of(request)
    key = key_in_session(request, Purpose.SIGN_UP)
    if key is None:
        return _dead(request)
    try:
        await sign_ups.complete(
            request.db,
            key,
            username=fields.get("username", ""),
            password=password,
            display_name=" ".join(fields.get("display_name", "").split())[:_KEPT],
            fields=fields,
        )
    except UsernameError as error:
        problem = ("username", _NAME_TEXTS.get(error.reason, _NAME_OTHERWISE))
    except UsernameTakenError:
        problem = ("username", _NAME_TEXTS["taken"])
    except PasswordRefusedError as error:
        problem = ("password", sign_ups.policy.refusal(error))
    except SignUpRefusedError as error:
        problem = (error.field, error.text)
    except (AddressTakenError, DeadLinkError):
        return _dead(request)
    else:
        drop_key(request, Purpose.SIGN_UP)
        return redirect(request, request.address(SIGNED_UP_PATH))
    # What the attempt has made is undone before the link is looked at again.
    await request.db.rollback()
    return await _form_page(request, fields, dict([problem]))


@sign_up_routes.get(SIGN_UP_PATH + "/{token}", access=public, name="sign_up_link")
async def follow_sign_up(request: Request) -> Response:
    """The address in the mail."""
    return take_token(request, Purpose.SIGN_UP, SIGN_UP_FORM_PATH)


@sign_up_routes.get(SIGNED_UP_PATH, access=public, name="signed_up")
async def show_signed_up(request: Request) -> Response:
    """It is done."""
    return message(
        request,
        title=Text("Your account is ready"),
        lead=Text("Sign in with it."),
        link=SIGN_IN_PATH,
        link_text=Text("Sign in"),
    )


def _require_open(request: Request) -> None:
    if not sign_ups_of(request).is_open:
        raise NotFoundError("sign_up_off", "FASTNESS_ACCOUNTS_SIGN_UP is not set.")


def _dead(request: Request) -> Response:
    drop_key(request, Purpose.SIGN_UP)
    return dead_link(request, again=SIGN_UP_PATH, again_text=Text("Ask for a new link"))


async def _form_page(request: Request, fields: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    sign_ups = sign_ups_of(request)
    key = key_in_session(request, Purpose.SIGN_UP)
    address = None if key is None else await sign_ups.find_address(request.db, key)
    if address is None:
        return _dead(request)
    return render(
        request,
        "accounts/sign_up_form.html",
        status=422 if problems else 200,
        action=request.address(SIGN_UP_FORM_PATH),
        email=address,
        asks_username=sign_ups.asks_username,
        # A field of the app's own is empty as well until somebody has typed something.
        fields=defaultdict(str, {name: value[:_KEPT] for name, value in fields.items()}),
        problems=problems,
        max_length=MAX_LENGTH,
        min_length=sign_ups.policy.min_length(),
    )


def _address_page(request: Request, *, email: str = "", problem: str = "") -> Response:
    return render(
        request,
        "accounts/sign_up.html",
        status=422 if problem else 200,
        action=request.address(SIGN_UP_PATH),
        email=email,
        max_length=MAX_EMAIL_LENGTH,
        problem=problem,
        sign_in=request.address(SIGN_IN_PATH),
    )
