"""Where a developer whose browser is on another machine shows the token that `fastness dev` printed.

The route exists in the development profile with a token only, that is after `fastness dev --insecure-bind`. The token goes into
a cookie for this host that no script can read and no other site's page can send.
"""

from typing import Final

from fastness.kernel.cookies import CookieRules, build_cookie
from fastness.kernel.secret import Secret
from fastness.web.access import public
from fastness.web.debug import DEBUG_COOKIE
from fastness.web.refusals import AccessRefusedError, NotFoundError
from fastness.web.rendering import render
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

DEBUG_PATH: Final = "/-/debug"
_COOKIE: Final = CookieRules(name=DEBUG_COOKIE, secure=False, same_site="strict")

debug_routes: Final = Routes()


@debug_routes.get(DEBUG_PATH, access=public, name="debug_token", read_session=False)
async def ask_for_token(request: Request) -> Response:
    """The form for the token."""
    return render(request, "errors/debug_token.html", action=request.address(DEBUG_PATH), title="Development token")


@debug_routes.post(DEBUG_PATH, access=public, name="debug_token", read_session=False, max_body_bytes=1024)
async def take_token(request: Request) -> Response:
    """Remember a right token in a cookie."""
    token = request.site.debug_token
    if token is None:
        raise NotFoundError
    given = dict(await request.form_pairs()).get("token")
    if not isinstance(given, str) or token != Secret(given.strip() or "-"):
        raise AccessRefusedError("debug_token", "The token is not the one that fastness dev printed.")
    request.exchange.add_response_header(b"set-cookie", build_cookie(_COOKIE, given.strip()))
    return redirect(request, request.address("/"))
