"""Sign in and sign out: the pages every app with people in it has.

One text, one status and the same work for an unknown name, a wrong password and a closed account (ASVS 5.0 V6.3.8). The session
gets a new id at the moment somebody signs in, so an id that was planted before is worth nothing (V7.2.4), and signing out ends
it in the store, not only in the browser (V7.4.1), tells the browser to drop its cache, and is a POST, so that no link does it.
"""

from typing import Any, Final

from fastness.accounts.continuing import continue_sign_in
from fastness.auth.account_rules import SignInName
from fastness.auth.errors import ThrottledError
from fastness.auth.usernames import MAX_LENGTH
from fastness.kernel.events import EventName
from fastness.kernel.redirects import decide_redirect
from fastness.kernel.texts import Text
from fastness.kernel.verdicts import Allow
from fastness.web.access import public
from fastness.web.recording import record
from fastness.web.rendering import render
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

SIGN_IN_PATH: Final = "/account/sign-in"
PASSKEY_PATH: Final = "/account/passkey"
SIGN_OUT_PATH: Final = "/account/sign-out"
SIGNED_OUT_PATH: Final = "/account/signed-out"
_REFUSED: Final = Text("This name and password do not go together.")
_MAX_SIGN_IN_BYTES: Final = 32_768

account_routes: Final = Routes()


@account_routes.get(SIGN_IN_PATH, access=public, name="sign_in")
async def show_sign_in(request: Request) -> Response:
    """The form; whoever is signed in already is sent on."""
    target = next_target(request, request.query.get("next"))
    if request.user_or_none is not None:
        return redirect(request, target or request.address("/"))
    return sign_in_page(request, next_path=target)


@account_routes.post(SIGN_IN_PATH, access=public, name="sign_in", max_body_bytes=_MAX_SIGN_IN_BYTES)
async def sign_in(request: Request) -> Response:
    """Check name and password; a right pair gets a new session."""
    fields: dict[str, str] = {name: value for name, value in await request.form_pairs() if isinstance(value, str)}
    username = fields.get("username", "").strip()
    password = fields.get("password", "")
    target = next_target(request, fields.get("next"))
    remember = fields.get("remember") == "yes"
    problems: list[tuple[str, str]] = []
    if not username:
        is_email = request.site.sign_in_name is SignInName.EMAIL
        problems.append(("username", Text("Enter your mail address.") if is_email else Text("Enter your username.")))
    if not password:
        problems.append(("password", Text("Enter your password.")))
    slowed: ThrottledError | None = None
    if not problems:
        try:
            outcome = await request.site.check_password(request.exchange, username, password)
        except ThrottledError as error:
            slowed = error
            problems.append(("", wait_text(error)))
        else:
            if outcome.identity is not None:
                return continue_sign_in(
                    request,
                    outcome.identity,
                    outcome.step,
                    username=username,
                    remember=remember,
                    next_path=target,
                )
            problems.append(("", _REFUSED))
    response = sign_in_page(
        request,
        next_path=target,
        username=username[:MAX_LENGTH],
        problems=problems,
        remember=remember,
        status=422 if slowed is None else slowed.status,
    )
    return response if slowed is None else with_wait(response, slowed)


@account_routes.post(SIGN_OUT_PATH, access=public, name="sign_out")
async def sign_out(request: Request) -> Response:
    """End the session in the store, and have the browser forget its pages."""
    request.site.sessions.sign_out(request.session)
    response = redirect(request, request.address(SIGNED_OUT_PATH))
    # The back button shall not bring private pages back from the browser's caches (W3C Clear Site Data).
    response.headers["clear-site-data"] = '"cache"'
    return response


@account_routes.get(SIGNED_OUT_PATH, access=public, name="signed_out")
async def show_signed_out(request: Request) -> Response:
    """Confirm that nobody is signed in any more; whoever is, is not told so."""
    if request.user_or_none is not None:
        return redirect(request, request.address("/"))
    return render(request, "accounts/signed_out.html", sign_in=request.address(SIGN_IN_PATH))


def sign_in_page(
    request: Request,
    *,
    next_path: str,
    username: str = "",
    problems: "list[tuple[str, str]] | None" = None,
    remember: bool = False,
    status: int = 200,
) -> Response:
    """The form with what was typed, but for the password."""
    values: dict[str, Any] = {
        # Not by name: an app may have a route of the same name, and passwords would go there.
        "action": request.address(SIGN_IN_PATH),
        "passkey": request.address(PASSKEY_PATH),
        "username": username,
        "is_email": request.site.sign_in_name is SignInName.EMAIL,
        "max_length": MAX_LENGTH,
        "problems": problems or [],
        "next": next_path,
        "may_remember": True,
        "remember": remember,
        "has_sign_up": request.site.has_sign_up,
    }
    return render(request, "accounts/sign_in.html", status=status, **values)


def with_wait(response: Response, error: ThrottledError) -> Response:
    """The page of an attempt that came too soon, with the seconds to wait for programs (RFC 6585 §4)."""
    response.headers["retry-after"] = str(error.retry_after_seconds)
    return response


def wait_text(error: ThrottledError) -> Text:
    """What is said about an attempt that came too soon: how long to wait, never shorter than it is."""
    seconds = error.retry_after_seconds
    if seconds < 100:
        return Text(
            "Too many attempts. Try again in {count} second.",
            "Too many attempts. Try again in {count} seconds.",
            count=seconds,
        )
    return Text(
        "Too many attempts. Try again in {count} minute.",
        "Too many attempts. Try again in {count} minutes.",
        count=-(-seconds // 60),
    )


async def field_of(request: Request, name: str) -> str:
    """What was typed into a field of the form; empty where it was not sent, or is a file."""
    return next((value for key, value in await request.form_pairs() if key == name and isinstance(value, str)), "")


def next_target(request: Request, value: str | None) -> str:
    """Where to go after signing in: an address of this site, or nothing. What is not safe is dropped, and recorded."""
    if not value:
        return ""
    verdict = decide_redirect(request.site.redirects, value, own_host=request.host)
    if isinstance(verdict, Allow):
        return value
    record(request.exchange, EventName.REDIRECT_FAIL, verdict.reason)
    return ""
