"""Methods: those that nobody declared are refused, none can be had by header, and HEAD tells what GET tells.

ASVS 5.0: V4.1.4, V13.4.4.
"""

from collections.abc import AsyncIterator
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.probe.check import found_at
from fastness.probe.scan import Scan

UNKNOWN_METHOD: Final = Notice(
    id="FST-PROBE-040",
    severity=Severity.MEDIUM,
    title="A method that no route declares is answered",
    why="Checks that are made for GET and POST do not run for it; TRACE repeats cookies to whoever asks.",
    fix="Declare routes with get, post, put, patch and delete, and let nothing in front add methods.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V4.1.4", "V13.4.4"),
)
OVERRIDDEN_METHOD: Final = Notice(
    id="FST-PROBE-041",
    severity=Severity.HIGH,
    title="A header or parameter replaces the method",
    why="What looks like a GET to the proxy, the cache and the cross-site gate changes things in the app.",
    fix="Take the middleware out that reads X-HTTP-Method-Override or _method.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V4.1.4",),
)
OTHER_HEAD: Final = Notice(
    id="FST-PROBE-042",
    severity=Severity.LOW,
    title="HEAD is answered otherwise than GET",
    why="A rule that only one of them passes can be walked round with the other.",
    fix="Let the route answer HEAD as it answers GET; Routes.get does.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V4.1.4",),
)

NOTICES: Final = (UNKNOWN_METHOD, OVERRIDDEN_METHOD, OTHER_HEAD)

_MAX_ROUTES: Final = 20
_TOO_MANY: Final = 429
"""The rate of a route counts both, and so says nothing about either."""
_UNKNOWN: Final = ("TRACE", "TRACK", "PROBE", "get", "PROPFIND")
_OVERRIDES: Final = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")


async def check_unknown_methods(scan: Scan) -> AsyncIterator[Finding]:
    """Use methods that nobody has, and DELETE where nobody declared it."""
    places = []
    for method in _UNKNOWN:
        answer = await scan.client.ask(scan.front, method, headers={"X-Probe": "echo"}, may_hang_up=True)
        if answer.is_success:
            places.append(f"{method} {scan.front}")
    for route in [one for one in scan.pages() if one.methods][:_MAX_ROUTES]:
        declared = {
            method for other in scan.routes if other.is_at(route.sample) for method in other.methods or {"DELETE"}
        }
        if "DELETE" not in declared:
            answer = await scan.client.ask(route.sample, "DELETE")
            if answer.is_success:
                places.append(f"DELETE {route.sample}")
    for finding in found_at(UNKNOWN_METHOD, places):
        yield finding


async def check_overridden_methods(scan: Scan) -> AsyncIterator[Finding]:
    """Say another method in headers, in the query and in a form."""
    front, ask = scan.front, scan.client.ask
    get = await ask(front)
    places = []
    for method in ("DELETE", "PROBE"):
        answer = await ask(front, headers=dict.fromkeys(_OVERRIDES, method))
        if answer.status != get.status:
            places.append(f"GET {front} with {_OVERRIDES[0]}: {method} ({get.status} became {answer.status})")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    post = await ask(front, "POST", headers=form, body=b"probe=1")
    as_get = await ask(front, "POST", headers={**form, **dict.fromkeys(_OVERRIDES, "GET")}, body=b"probe=1")
    in_form = await ask(f"{front}?_method=GET", "POST", headers=form, body=b"_method=GET")
    for what, answer in (("with " + _OVERRIDES[0] + ": GET", as_get), ("with _method=GET", in_form)):
        if answer.is_success and not post.is_success:
            places.append(f"POST {front} {what} ({post.status} became {answer.status})")
    for finding in found_at(OVERRIDDEN_METHOD, places):
        yield finding


def is_other(head: int, get: int) -> bool:
    """Whether HEAD is answered otherwise than GET; nothing is known of what nobody answered."""
    return head not in {0, get} and _TOO_MANY not in {head, get}


async def check_head(scan: Scan) -> AsyncIterator[Finding]:
    """Compare HEAD with GET."""
    places = []
    for person in (scan.nobody, *scan.people[:1]):
        for page in person.pages[:_MAX_ROUTES]:
            head = await scan.client.ask(page.path, "HEAD", visitor=person.visitor)
            if head.body:
                places.append(f"HEAD {page.path} (with a body)")
            elif is_other(head.status, page.answer.status):
                places.append(f"HEAD {page.path} ({head.status}, GET {page.answer.status})")
    for finding in found_at(OTHER_HEAD, places):
        yield finding
