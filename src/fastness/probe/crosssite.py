"""Requests that another site's page would send: every unsafe route must refuse them.

Sent with somebody's cookies where an account was given, as their browser would: with the headers of a foreign page, of a sibling
host, of a sandboxed frame, and of a browser too old to say anything. A faulty app carries some of them out; their bodies say
nothing more than "probe". ASVS 5.0: V3.5.1, V3.5.2, V3.5.3.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.probe.check import FOREIGN_HOST, found_at
from fastness.probe.scan import Scan
from fastness.probe.wire import Answer, request_bytes

FORGED_REQUEST: Final = Notice(
    id="FST-PROBE-030",
    severity=Severity.HIGH,
    title="A request that another site's page sent is carried out",
    why="Any page that a signed-in person opens can act in their name (cross-site request forgery).",
    fix="Let the route pass the cross-site gate; insecure_cross_site is for what harms nobody.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V3.5.1",),
)
SHARED_ORIGIN: Final = Notice(
    id="FST-PROBE-031",
    severity=Severity.HIGH,
    title="Scripts of any site may read the answers",
    why="Access-Control-Allow-Origin repeats whatever origin asks, with the visitor's cookies.",
    fix="Name the partner origins, and only on the routes that are for them.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V3.4.2",),
)
FOREIGN_SOCKET: Final = Notice(
    id="FST-PROBE-032",
    severity=Severity.HIGH,
    title="A WebSocket opens for pages of any site",
    why="No browser rule guards a socket: a foreign page talks on it in the visitor's name.",
    fix="Declare it with Routes.websocket, whose handshake passes the cross-site gate.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V4.4.2",),
)

NOTICES: Final = (FORGED_REQUEST, SHARED_ORIGIN, FOREIGN_SOCKET)

_MAX_ROUTES: Final = 60
_FOREIGN: Final = f"https://{FOREIGN_HOST}"
_MESSAGE: Final = b"probe"
_CARRIED_OUT: Final = frozenset({409, 422})
"""Beside 2xx and 3xx: the handler looked at what was in the request."""


def forgeries(host: str) -> Mapping[str, Mapping[str, str | None]]:
    """What browsers say when other pages send."""
    silent = {"Sec-Fetch-Site": None, "Sec-Fetch-Mode": None, "Sec-Fetch-Dest": None}
    text, form = {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}
    return {
        "of a foreign page": {**text, "Sec-Fetch-Site": "cross-site", "Origin": _FOREIGN},
        "of a foreign page, by Origin alone": {**text, **silent, "Origin": _FOREIGN},
        "of a sandboxed frame": {**form, **silent, "Origin": "null"},
        "of a sibling host": {**form, "Sec-Fetch-Site": "same-site", "Origin": f"https://sibling.{host}"},
        "of a name that begins like ours": {**form, **silent, "Origin": f"https://{host}.{FOREIGN_HOST}"},
        "of a browser that says nothing, without a form token": {**form, **silent, "Origin": None},
    }


async def check_forged_requests(scan: Scan) -> AsyncIterator[Finding]:
    """Send each unsafe route what other sites could send it."""
    places = []
    person = scan.somebody
    tries = forgeries(scan.target.address.host)
    for route in [one for one in scan.routes if one.kind == "http" and not one.takes_other_sites][:_MAX_ROUTES]:
        if route.path == scan.target.sign_out_path:
            continue
        path = scan.address_of(route, person)
        for method in route.unsafe_methods:
            for what, headers in tries.items():
                answer = await scan.client.ask(
                    path, method, visitor=person.visitor, headers=headers, body=_MESSAGE, keeps_cookies=False
                )
                if is_carried_out(scan, answer):
                    places.append(f"{method} {path} {what} ({answer.status})")
    for finding in found_at(FORGED_REQUEST, places):
        yield finding


def is_carried_out(scan: Scan, answer: Answer) -> bool:
    """Whether the handler was reached."""
    if scan.leads_to_sign_in(answer):
        return False
    return 200 <= answer.status < 400 or answer.status in _CARRIED_OUT


async def check_sharing(scan: Scan) -> AsyncIterator[Finding]:
    """Ask as scripts of other sites do, and look who may read the answer."""
    places = []
    person = scan.somebody
    origins = (_FOREIGN, "null", f"https://{scan.target.address.host}.{FOREIGN_HOST}")
    for route in [one for one in scan.pages() if not one.takes_other_sites][:_MAX_ROUTES]:
        path = scan.address_of(route, person)
        for origin in origins:
            cors = {
                "Origin": origin,
                "Sec-Fetch-Site": "cross-site",
                "Sec-Fetch-Mode": "cors",
                "Sec-Fetch-Dest": "empty",
            }
            answer = await scan.client.ask(path, visitor=person.visitor, headers=cors, keeps_cookies=False)
            if is_shared_with(answer, origin):
                places.append(f"GET {path} with {origin}")
        preflight = {"Origin": _FOREIGN, "Access-Control-Request-Method": "DELETE", "Sec-Fetch-Site": "cross-site"}
        if is_shared_with(await scan.client.ask(path, "OPTIONS", headers=preflight), _FOREIGN):
            places.append(f"OPTIONS {path} with {_FOREIGN}")
    for finding in found_at(SHARED_ORIGIN, places):
        yield finding


def is_shared_with(answer: Answer, origin: str) -> bool:
    """Whether a script of the origin may read the answer as the visitor gets it."""
    allowed = answer.header("access-control-allow-origin")
    return allowed == origin or (allowed == "*" and answer.header("access-control-allow-credentials") == "true")


async def check_sockets(scan: Scan) -> AsyncIterator[Finding]:
    """Open each socket as a foreign page would, with a session cookie."""
    places = []
    person = scan.somebody
    for route in [one for one in scan.routes if one.kind == "websocket" and not one.takes_other_sites][:_MAX_ROUTES]:
        path = scan.address_of(route, person)
        for origin in (_FOREIGN, "null", None):
            headers = [
                ("Host", scan.target.address.authority),
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "cHJvYmVwcm9iZXByb2JlcA=="),
                ("Cookie", person.visitor.header),
                *([("Origin", origin)] if origin else []),
            ]
            data = request_bytes(f"GET {scan.target.address.base}{path}", headers)
            found = await scan.client.send(data, label=f"GET {path}")
            if found and found[0].status == 101:
                places.append(f"{path} with Origin: {origin or '(none)'}")
    for finding in found_at(FOREIGN_SOCKET, places):
        yield finding
