"""Who gets what: each route against its own rule, and the things of one account against another account.

The table says which routes refuse whoever is not signed in; each must do so for every method. With two accounts, what the one was
led to by links, and the other never was, is asked for as the other. Some things may be open to all by address and linked for
few: such a finding is to be looked at, and accepted with its reason. What a route's rule asks beyond being signed in cannot be
seen from outside; `fastness.testing.matrix` tries that. ASVS 5.0: V8.2.1, V8.2.2, V8.3.1.
"""

from collections.abc import AsyncIterator
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.probe.check import NOWHERE, found_at
from fastness.probe.scan import Person, Scan

OPEN_ROUTE: Final = Notice(
    id="FST-PROBE-080",
    severity=Severity.CRITICAL,
    title="A route that asks for somebody answers nobody",
    why="The rule of the table is not what runs: another program answers there, or the code is another one.",
    fix="Deploy what the table was read from, and let no proxy or cache answer for the app.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.2.1", "V8.3.1"),
)
TOLD_ROUTE: Final = Notice(
    id="FST-PROBE-081",
    severity=Severity.MEDIUM,
    title="A hidden route tells that it is there",
    why="Whoever may not know of it learns the address.",
    fix="Let the framework answer: access.hidden gives the same 404 as an address where nothing is.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.2.1",),
)
FOREIGN_OBJECT: Final = Notice(
    id="FST-PROBE-082",
    severity=Severity.HIGH,
    title="One account gets what only another was shown",
    why="Whoever has or guesses the address sees what is somebody else's.",
    fix="Load it with request.load and a policy; if everybody may see it, accept the finding with that reason.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.2.2",),
)

NOTICES: Final = (OPEN_ROUTE, TOLD_ROUTE, FOREIGN_OBJECT)

_MAX_ROUTES: Final = 150
_MAX_OBJECTS: Final = 40


async def check_rules(scan: Scan) -> AsyncIterator[Finding]:
    """Ask each route that refuses nobody in particular, by each of its methods."""
    answered: list[str] = []
    told: list[str] = []
    nothing = await scan.client.ask(NOWHERE)
    for route in [one for one in scan.routes if one.is_refused and one.kind == "http"][:_MAX_ROUTES]:
        # Real addresses where any were seen: what is not there at all is refused for that reason.
        path = next((scan.address_of(route, person) for person in scan.people), route.sample)
        for method in sorted(route.methods):
            answer = await scan.client.ask(path, method)
            is_answered = answer.is_success or (300 <= answer.status < 400 and not scan.leads_to_sign_in(answer))
            if is_answered and not (method == "OPTIONS" and not answer.body):
                answered.append(f"{method} {path} ({answer.status})")
            elif route.is_hidden and answer.status != nothing.status:
                told.append(f"{method} {path} ({answer.status})")
    for finding in found_at(OPEN_ROUTE, answered):
        yield finding
    for finding in found_at(TOLD_ROUTE, told):
        yield finding


async def check_objects(scan: Scan) -> AsyncIterator[Finding]:
    """Ask as each account for what only the other was shown."""
    places = []
    for owner in scan.people:
        for other in scan.people:
            if other is owner:
                continue
            for path in objects_of(owner, other):
                answer = await scan.client.ask(path, visitor=other.visitor, keeps_cookies=False)
                if answer.is_success:
                    places.append(f"GET {path} of {owner.visitor.name} as {other.visitor.name}")
    for finding in found_at(FOREIGN_OBJECT, places):
        yield finding


def objects_of(owner: Person, other: Person) -> list[str]:
    """What the owner got by a link, the other was never shown, and only people who are signed in get at all."""
    shown = other.links | {page.path for page in other.pages}
    mine = [page for page in owner.private_pages() if page.route is not None and page.route.has_parameters]
    return [page.path for page in mine if page.path not in shown][:_MAX_OBJECTS]
