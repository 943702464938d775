"""Where browsers report what the content security policy stopped.

A report is what a stranger says: it is counted against a limit for each address and for the site before it is read, cut short,
and becomes one event with the directive, the blocked origin and the name of the page's route, never a whole address (a path
can hold a token). Who is over the limit of his address uses up nothing of the site's: he could keep all others from reporting.
"""

from typing import Final
from urllib.parse import unquote, urlsplit

from fastness.kernel.because import Because
from fastness.kernel.events import EventName
from fastness.kernel.limits import JSONValue
from fastness.web.access import public
from fastness.web.exchange import Exchange
from fastness.web.recording import record
from fastness.web.refusals import MalformedRequestError, RateLimitedError
from fastness.web.requests import Request
from fastness.web.responses import Response
from fastness.web.routing import Routes

REPORT_PATH: Final = "/-/csp-report"
MAX_REPORT_BYTES: Final = 16_384
_PER_ADDRESS: Final = 20
_PER_SITE: Final = 600
_WINDOW_SECONDS: Final = 60
_TYPES: Final = ("application/csp-report", "application/reports+json", "application/json")
_MAX_REPORTS: Final = 10

report_routes: Final = Routes()


@report_routes.post(
    REPORT_PATH,
    access=public,
    name="csp_report",
    max_body_bytes=MAX_REPORT_BYTES,
    read_session=False,
    insecure_cross_site=Because(
        "A sandboxed or framed page reports with the origin null; nothing is changed by a report."
    ),
)
async def receive_report(request: Request) -> Response:
    """Write an event for each violation in the report."""
    if not request.headers.get("content-type", "").startswith(_TYPES):
        raise MalformedRequestError("report_type")
    await count(request)
    for report in reports_in(await request.json())[:_MAX_REPORTS]:
        record(
            request.exchange,
            EventName.CSP_VIOLATION,
            "csp_violation",
            directive=text_of(report, "effectiveDirective", "effective-directive", "violated-directive"),
            blocked=origin_of(text_of(report, "blockedURL", "blocked-uri")),
            page=page_of(text_of(report, "documentURL", "document-uri"), request.exchange),
        )
    return Response(status=204)


async def count(request: Request) -> None:
    """Refuse what is over the limits. With the store away nothing is recorded, and nothing else is lost."""
    store = request.site.store
    expires_at = request.site.clock.epoch() + _WINDOW_SECONDS
    by_address = await store.increment(b"rate:csp:" + request.client_ip.encode(), expires_at=expires_at)
    if by_address > _PER_ADDRESS or await store.increment(b"rate:csp", expires_at=expires_at) > _PER_SITE:
        raise RateLimitedError("csp_reports", headers={"retry-after": str(_WINDOW_SECONDS)})


def reports_in(document: JSONValue) -> list[dict[str, JSONValue]]:
    """The violations of either format: `report-uri` sends one object, `report-to` a list."""
    if isinstance(document, dict):
        one = document.get("csp-report")
        return [one] if isinstance(one, dict) else []
    found = []
    for entry in document if isinstance(document, list) else []:
        body = entry.get("body") if isinstance(entry, dict) and entry.get("type") == "csp-violation" else None
        if isinstance(body, dict):
            found.append(body)
    return found


def text_of(report: dict[str, JSONValue], *names: str) -> str:
    """The first of the fields that is a text, cut short."""
    for name in names:
        value = report.get(name)
        if isinstance(value, str):
            return value[:200]
    return ""


def page_of(address: str, exchange: Exchange) -> str:
    """The name of the route at an address; empty if none is there."""
    try:
        path = unquote(urlsplit(address).path)
        return exchange.site.addresses.name_at(path.removeprefix(unquote(exchange.root_path)) or "/")
    except ValueError:
        return "unreadable"


def origin_of(address: str) -> str:
    """Scheme and host of an address, or the keyword that stands in its place (`inline`, `eval`)."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "unreadable"
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else address[:40]
