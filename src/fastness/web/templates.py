"""Templates: Jinja2, always escaping, strict about names.

`escape` is on for every template whatever its file name, an undefined name raises instead of printing nothing, and templates
come from folders only, never from a string that a request could have influenced (server-side template injection, CWE-1336).
Every page can use `user`, `url(name, …)`, `static(name)`, `csrf_field()`, `csrf_token()` and `nonce`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2

from fastness.web.requests import Request
from fastness.web.responses import HTMLResponse


class Templates:
    """The templates of an app, loaded and compiled at first use."""

    __slots__ = ("_environment",)

    def __init__(self, folders: Iterable[Path], *, reloads: bool) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(list(folders)),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=reloads,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """The page that the template makes of `context`."""
        return self._environment.get_template(name).render(context)


def page_context(request: Request, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a template sees: the page's helpers, then the handler's own values."""
    exchange = request.exchange
    session = exchange.session
    identity = None
    if session is not None and session.identity is not None:
        identity = session.identity
        exchange.is_private = True
    addresses = exchange.site.addresses
    return {
        "request": request,
        "user": identity,
        "nonce": exchange.nonce,
        "csrf_field": request.csrf_field,
        "csrf_token": request.csrf_token,
        "url": request.path_for,
        "static": addresses.static,
        "trusted_types_script": request.trusted_types_script,
        **values,
    }


def render(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """The page that `template` makes of `values`, as a response."""
    site = request.site
    return HTMLResponse(site.render(template, page_context(request, values)), status=status)


def render_own(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """A page of the framework's; the app's template of the same name goes first."""
    site = request.site
    return HTMLResponse(site.render(template, page_context(request, values)), status=status)
