"""API tokens: made, listed and revoked by the person whose programs use them.

A new token is shown in the answer that made it, once; no cache keeps that page, and no later one can show it. Making one asks for
a recent proof of who somebody is, because it is a way in that outlives the session. Revoking asks for nothing more: it
takes away.

ASVS 5.0: V7.5.1, V14.3.2 (not cached), V14.2.1 (never in an address).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final
from uuid import UUID

from fastness.auth.errors import TokenNotMadeError, UndeclaredPermissionError
from fastness.auth.token_rules import MAX_NAME_LENGTH, TokenProblem
from fastness.kernel.secret import Secret
from fastness.kernel.texts import Text
from fastness.web.access import fresh, signed_in
from fastness.web.rendering import render
from fastness.web.requests import Request
from fastness.web.responses import Response, redirect
from fastness.web.routing import Routes

if TYPE_CHECKING:
    from fastness.auth.tokens import APITokens

TOKENS_PATH: Final = "/account/tokens"
_NEW_PATH: Final = "/account/tokens/new"
_REVOKE_PATH: Final = "/account/tokens/revoke"
_PROVED: Final = fresh(minutes=10)
_TEXTS: Final = {
    TokenProblem.NAME: ("name", Text("Give the token a name of at most {most} characters.", most=MAX_NAME_LENGTH)),
    TokenProblem.DAYS: ("days", Text("This is not a number of days that a token may live.")),
    TokenProblem.PERMISSIONS: ("permissions", Text("You do not hold one of these permissions any more.")),
    TokenProblem.COUNT: ("name", Text("You have as many tokens as one account may have. Revoke one first.")),
}

token_routes: Final = Routes(access=signed_in)


def tokens_of(request: Request) -> "APITokens":
    """The service, loaded when a page asks for it."""
    kind: type[APITokens] = import_module("fastness.auth.tokens").APITokens
    return request.site.service(kind)


@token_routes.get(TOKENS_PATH, name="tokens")
async def show_tokens(request: Request) -> Response:
    """The tokens that work."""
    tokens = await tokens_of(request).list_live(request.db, request.user.id)
    return render(
        request,
        "accounts/tokens.html",
        tokens=tokens,
        new=request.address(_NEW_PATH),
        revoke=request.address(_REVOKE_PATH),
    )


@token_routes.get(_NEW_PATH, access=_PROVED, name="new_token")
async def show_new_token(request: Request) -> Response:
    """The form."""
    return await _form(request, name="", days="", chosen=())


@token_routes.post(_NEW_PATH, access=_PROVED, name="new_token")
async def create_token(request: Request) -> Response:
    """Make it and show it."""
    pairs = [(name, value) for name, value in await request.form_pairs() if isinstance(value, str)]
    fields = dict(pairs)
    name, days = fields.get("name", ""), fields.get("days", "").strip()
    chosen = tuple(value for field, value in pairs if field == "permissions")
    service = tokens_of(request)
    try:
        token, secret = await service.create(
            request.db,
            await request.account(),
            name=name,
            permissions=chosen,
            days=int(days) if days.isascii() and days.isdigit() and len(days) <= 4 else 0,
        )
    except TokenNotMadeError as error:
        problem = _TEXTS[TokenProblem(error.reason)]
    except UndeclaredPermissionError:
        problem = _TEXTS[TokenProblem.PERMISSIONS]
    else:
        return _shown(request, token.name, secret)
    return await _form(request, name=name, days=days, chosen=chosen, problem=problem, status=422)


@token_routes.post(_REVOKE_PATH, name="revoke_token")
async def revoke_token(request: Request) -> Response:
    """End one."""
    try:
        token_id = UUID(str(dict(await request.form_pairs()).get("token", "")))
    except ValueError:
        return redirect(request, request.address(TOKENS_PATH))
    await tokens_of(request).revoke(request.db, request.user.id, token_id)
    return redirect(request, request.address(TOKENS_PATH))


def _shown(request: Request, name: str, secret: Secret) -> Response:
    return render(request, "accounts/token.html", name=name, token=secret.reveal(), tokens=request.address(TOKENS_PATH))


async def _form(
    request: Request,
    *,
    name: str,
    days: str,
    chosen: tuple[str, ...],
    problem: tuple[str, str] | None = None,
    status: int = 200,
) -> Response:
    service = tokens_of(request)
    return render(
        request,
        "accounts/new_token.html",
        status=status,
        action=request.address(_NEW_PATH),
        tokens=request.address(TOKENS_PATH),
        name=name[:MAX_NAME_LENGTH],
        days=days[:4] or str(service.rules.default_days),
        max_days=service.rules.max_days,
        max_length=MAX_NAME_LENGTH,
        offered=await service.offered(request.db, request.user.id),
        chosen=chosen,
        problem=problem,
    )
