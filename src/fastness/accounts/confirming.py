"""Step-up: whoever is signed in proves once more who they are, and goes on where they were.

Asked for by `access.fresh(…)`, and where a session comes from another browser or network than before. The password goes the one
way that every password goes, throttle and log included. A right one starts the session anew: a new id, new clocks, the values
kept. What was typed into a form before the question is kept in this page and offered again, to be looked at and sent; it is not
sent by itself, because it came before anybody had shown that it was theirs.

ASVS 5.0: V7.2.4 (new token), V7.5.1, V7.5.3, V6.3.1 (one controlled path).
"""

from dataclasses import replace
from typing import Final

from fastness.accounts.pages import SIGN_IN_PATH, next_target, wait_text
from fastness.auth.errors import ThrottledError
from fastness.sessions.identity import Identity
from fastness.web.access import public
from fastness.web.contexts import note_context
from fastness.web.pages import CONFIRM_PATH, KEPT_PREFIX, confirm_page, resend_page
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

confirm_routes: Final = Routes()


@confirm_routes.get(CONFIRM_PATH, access=public, name="confirm")
async def show_confirm(request: Request) -> Response:
    """Ask for the password of whoever is signed in."""
    target = next_target(request, request.query.get("next"))
    if _signed_in(request) is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    return confirm_page(request, next_path=target)


@confirm_routes.post(CONFIRM_PATH, access=public, name="confirm")
async def confirm(request: Request) -> Response:
    """Check it, and go on."""
    identity = _signed_in(request)
    if identity is None:
        return redirect(request, request.address(SIGN_IN_PATH))
    pairs = [(name, value) for name, value in await request.form_pairs() if isinstance(value, str)]
    fields = dict(pairs)
    kept = [(name.removeprefix(KEPT_PREFIX), value) for name, value in pairs if name.startswith(KEPT_PREFIX)]
    target = next_target(request, fields.get("next"))
    action = next_target(request, fields.get("action"))
    password = fields.get("password", "")
    retry_after = 0
    problem = "Enter your password."
    if password:
        try:
            proved = await request.site.check_password(request.exchange, identity.username, password)
        except ThrottledError as error:
            retry_after = error.retry_after_seconds
            problem = wait_text(error)
        else:
            if proved is not None and proved.id == identity.id:
                renew(request, identity, proved)
                if action:
                    return resend_page(request, action=action, fields=kept)
                return redirect(request, target or request.address("/"))
            problem = "This is not your password."
    response = confirm_page(
        request, next_path=target, action=action, fields=kept, problem=problem, status=429 if retry_after else 422
    )
    if retry_after:
        response.headers["retry-after"] = str(retry_after)
    return response


def renew(request: Request, former: Identity, proved: Identity) -> None:
    """The same session under a new id, with the proof of now; a second factor that was shown in it stays shown."""
    request.exchange.must_confirm = False
    session = request.session
    identity = replace(proved, second_factor_at=proved.second_factor_at or former.second_factor_at)
    request.site.sessions.sign_in(session, identity, remember=session.is_remembered)
    note_context(request.exchange, session)


def _signed_in(request: Request) -> Identity | None:
    """Whose session it is, also where they have to confirm before they count as signed in."""
    request.exchange.is_private = True
    session = request.exchange.session
    return None if session is None else session.identity
