"""What both FastAPI applications share: signed sessions, allowed hosts, security headers, nonce, form token, templates.

Starlette's own SessionMiddleware and TrustedHostMiddleware, the `secure` package for the fixed headers and
`fastapi-csrf-protect` for the form token, as their documentation shows them. The nonce is put into the policy by a pure
ASGI middleware of a dozen lines, because no package does it more cheaply.
"""

import secrets

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from fastapi.templating import Jinja2Templates
from fastapi_csrf_protect import CsrfProtect
from fastapi_csrf_protect.exceptions import CsrfProtectError
from secure import CrossOriginOpenerPolicy, ReferrerPolicy, Secure, XContentTypeOptions, XFrameOptions
from secure.middleware import SecureASGIMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench import data
from bench.apps.orm_models import User
from bench.apps.pages import make_environment

_POLICY = (
    "default-src 'none'; script-src 'nonce-{0}' 'strict-dynamic'; style-src 'self' 'nonce-{0}'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
_templates = Jinja2Templates(env=make_environment())


class NonceMiddleware:
    """Makes a nonce for each response and puts it into the content security policy."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"content-security-policy", _POLICY.format(nonce).encode()))
            await send(message)

        await self.app(scope, receive, send_with_policy)


@CsrfProtect.load_config
def csrf_config() -> list[tuple[str, object]]:
    return [
        ("secret_key", data.SECRET_KEY),
        ("token_location", "body"),
        ("token_key", "csrf_token"),
        ("cookie_secure", True),
        ("httponly", True),
        ("cookie_samesite", "lax"),
    ]


def make_app() -> FastAPI:
    """A FastAPI application with its middleware, or one with nothing for the bare mode."""
    app = FastAPI()
    if data.is_bare():
        return app
    app.add_middleware(
        SessionMiddleware, secret_key=data.SECRET_KEY, session_cookie="session", max_age=43_200, https_only=True
    )
    app.add_middleware(NonceMiddleware)
    app.add_middleware(SecureASGIMiddleware, secure=_fixed_headers())
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[data.HOST_NAME])

    @app.exception_handler(CsrfProtectError)
    def refuse(request: Request, error: CsrfProtectError) -> Response:
        return PlainTextResponse("form token", status_code=403)

    return app


def _fixed_headers() -> Secure:
    return Secure(
        xcto=XContentTypeOptions().nosniff(),
        xfo=XFrameOptions().deny(),
        referrer=ReferrerPolicy().same_origin(),
        coop=CrossOriginOpenerPolicy().same_origin(),
    )


def render(request: Request, csrf: CsrfProtect, template: str, **values: object) -> Response:
    """A page with its nonce and a fresh form token, as the CSRF package's documentation shows."""
    token, signed = csrf.generate_csrf_tokens()
    context = {"nonce": request.state.nonce, "token_name": "csrf_token", "token": token, **values}
    response = _templates.TemplateResponse(request, template, context)
    csrf.set_csrf_cookie(signed, response)
    return response


def render_rows(request: Request, csrf: CsrfProtect, user: User, rows: object, action: str) -> Response:
    """The page with its rows."""
    return render(
        request, csrf, "page.html", title=data.TITLE, display_name=user.display_name, rows=rows, action=action
    )
