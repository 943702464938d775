"""What the page's template is given; Jinja2 has no context processors, so it also gets token and nonce by hand."""

from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csp import get_nonce
from django.middleware.csrf import get_token

from bench import data


def page_context(request: HttpRequest, user: object, rows: Iterable[object], action: str) -> dict[str, object]:
    """The values of the page."""
    context: dict[str, object] = {
        "title": data.TITLE,
        "display_name": getattr(user, "first_name", ""),
        "rows": rows,
        "action": action,
    }
    if settings.IS_JINJA:
        context |= {"nonce": get_nonce(request), "token_name": "csrfmiddlewaretoken", "token": get_token(request)}
    return context
