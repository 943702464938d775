"""The site's own pages for errors: short, the same for everybody, with the id under which the log tells the rest.

A person gets a page, a program a problem document (RFC 9457). Neither ever holds a value of the request, a path of the
machine or the name of a library (ASVS 5.0 V16.5.1, V13.4.2). An app replaces a page by a template of the same name. Where
even the page cannot be rendered, a few fixed bytes are sent.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from string import punctuation
from typing import Final
from urllib.parse import quote

from fastness.kernel.errors import FastnessError
from fastness.kernel.texts import Text
from fastness.kernel.values import dataclass
from fastness.web.exchange import Exchange, sent_address_of
from fastness.web.formtoken import StaleFormError, token_for
from fastness.web.inputerrors import InputRefusedError
from fastness.web.language import vary_by_language
from fastness.web.recording import request_id
from fastness.web.refusals import UndeclaredProxyError
from fastness.web.rendering import page_context
from fastness.web.requests import Request
from fastness.web.responses import HTMLResponse, Response
from fastness.web.statuses import help_for, title_of

_LAST_RESORT: Final = "<!doctype html><html lang=en><title>Error</title><p>Something went wrong here."
CONFIRM_PATH: Final = "/account/confirm"
KEPT_PREFIX: Final = "kept:"
"""Before the names of the fields of a form that waits."""
_SIGN_OUT_PATH: Final = "/account/sign-out"
PROBLEM_TYPE: Final = "application/problem+json"


def error_response(request: Request, error: FastnessError, headers: Mapping[str, str]) -> Response:
    """What is answered for `error`: a page to people, a problem document to programs."""
    exchange = request.exchange
    if not exchange.wants_page:
        members = {"errors": [asdict(one) for one in error.errors]} if isinstance(error, InputRefusedError) else {}
        return problem(exchange, error.status, error.code, error.public, headers, **members)
    if isinstance(error, StaleFormError):
        return stale_form_page(request, error)
    if isinstance(error, UndeclaredProxyError):
        return tls_proxy_page(request, error)
    return page(request, error, headers)


def last_resort(error: FastnessError, headers: Mapping[str, str]) -> Response:
    """What is answered where even the error page fails."""
    return HTMLResponse(_LAST_RESORT, status=error.status, headers=headers)


def page(request: Request, error: FastnessError, headers: Mapping[str, str]) -> Response:
    """The error page for people."""
    exchange = request.exchange
    site = exchange.site
    status = error.status
    context = {
        "status": status,
        "title": title_of(status),
        "message": error.public,
        "help": help_for(status),
        "request_id": request_id(exchange),
        "home": exchange.address("/"),
        "static": exchange.static,
        "nonce": exchange.nonce,
    }
    response = HTMLResponse(site.render("errors/page.html", context), status=status, headers=headers)
    if len(site.languages) > 1:
        # Beside what a mounted app says there, with the error that it raised.
        response.headers.add_vary_header("accept-language")
    return response


def tls_proxy_page(request: Request, error: UndeclaredProxyError) -> Response:
    """The page for whoever is setting up the site, in English like all that is for operators."""
    exchange = request.exchange
    context = {
        "title": "Declare your TLS proxy",
        "setting": "FASTNESS_PROXY_TRUSTED",
        "example": "FASTNESS_PROXY_TRUSTED=10.0.0.0/8",
        "request_id": request_id(exchange),
        "static": exchange.static,
        "nonce": exchange.nonce,
    }
    return HTMLResponse(exchange.site.render("errors/tls_proxy.html", context), status=error.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What somebody is asked for who has to show once more who they are, and what waits for it."""

    next_path: str = ""
    action: str = ""
    """Where the form goes that waits."""
    fields: Sequence[tuple[str, str]] = ()
    """What was typed into it."""
    asks_code: bool = False
    """Whether the person has a second factor."""
    passkey_action: str = ""
    options: str = ""
    """The question for a passkey, where the person has one."""


def confirm_page(
    request: Request, asked: Confirmation, *, problem: tuple[str, str] | None = None, status: int = 200
) -> Response:
    """The page that asks whoever is signed in for a proof, and keeps the form that waits for it."""
    exchange = request.exchange
    session = exchange.session
    identity = None if session is None else session.identity
    asks_for = {
        "confirm": exchange.address(CONFIRM_PATH),
        "sign_out": exchange.address(_SIGN_OUT_PATH),
        "username": "" if identity is None else identity.username,
        "next": asked.next_path,
        "action": asked.action,
        "fields": asked.fields,
        # Whoever has a second factor has shown it in their session: it was asked for when they signed in.
        "asks_code": asked.asks_code or (identity is not None and identity.second_factor_at is not None),
        "passkey_action": asked.passkey_action,
        "options": asked.options,
        "problem": problem,
    }
    exchange.is_private = True
    site = exchange.site
    page = site.render("accounts/confirm.html", page_context(request, asks_for))
    return HTMLResponse(page, status=status, headers=vary_by_language(site.languages))


def stale_form_page(request: Request, error: StaleFormError) -> Response:
    """The page that keeps what was typed into a form whose token is no longer this session's."""
    # As it was sent: decoded, "/%2Fevil.example" would be another host and "/a%3Fb" another page.
    address = sent_address_of(request.scope)
    return resend_page(request, action=quote(address, safe=punctuation), fields=error.fields, status=error.status)


def resend_page(request: Request, *, action: str, fields: Sequence[tuple[str, str]], status: int = 200) -> Response:
    """The page that shows a form again which was sent before its person had shown who they are."""
    exchange = request.exchange
    identity = request.user_or_none
    context = {
        "action": action,
        "fields": fields,
        "has_files": False,
        "home": exchange.address("/"),
        "display_name": "" if identity is None else identity.display_name,
        "csrf_field": request.csrf_field,
        "csrf_token": lambda: token_for(exchange),
        "static": exchange.static,
        "nonce": exchange.nonce,
        "title": Text("Send again?"),
    }
    site = exchange.site
    page = site.render("errors/resend.html", context)
    return HTMLResponse(page, status=status, headers=vary_by_language(site.languages))


def problem(
    exchange: Exchange, status: int, code: str, public: object, headers: Mapping[str, str], **members: object
) -> Response:
    """The problem document for programs; `members` are added to it (RFC 9457 §3.2)."""
    document = {
        "type": "about:blank",
        "title": title_of(status),
        "status": status,
        "detail": public,
        "code": code,
        "request_id": request_id(exchange),
        **members,
    }
    body = json.dumps(document, separators=(",", ":"))
    return Response(body, status=status, media_type=PROBLEM_TYPE, headers=headers)
