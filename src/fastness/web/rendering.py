"""Pages from templates: what every template can use, and the response that comes of it.

The template engine itself is loaded when the first page is rendered (`web/templates.py`), so that a service without pages does
not carry it. Every page has `request`, `user`, `url(name, …)`, `static(name)`, `csrf_field()`, `csrf_token()`, `nonce`,
`trusted_types_script()` and `language`.
"""

from collections.abc import Mapping
from typing import Any

from fastness.web.language import vary_by_language
from fastness.web.requests import Request
from fastness.web.responses import HTMLResponse


def page_context(request: Request, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a template sees: the page's helpers, then the handler's own values."""
    exchange = request.exchange
    session = exchange.session
    identity = None
    if session is not None and session.identity is not None:
        identity = request.user_or_none
    return {
        "request": request,
        "user": identity,
        "nonce": exchange.nonce,
        "csrf_field": request.csrf_field,
        "csrf_token": request.csrf_token,
        "url": request.path_for,
        "static": exchange.static,
        "trusted_types_script": request.trusted_types_script,
        **values,
    }


def render(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """The page that `template` makes of `values`, as a response."""
    site = request.site
    page = site.render(template, page_context(request, values))
    return HTMLResponse(page, status=status, headers=vary_by_language(site.languages))
