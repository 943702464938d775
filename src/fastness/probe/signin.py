"""Sign-in seen from outside: what it tells about accounts, whether guessing is slowed down, and what becomes of sessions.

Attempts are few. Guesses are made at a name that nobody has, so that nobody is locked out, and last, because the address of the
probe has to wait afterwards like any other; for the same reason the times are medians over a few rounds, and a difference is
reported only where it is clear, in every half of the rounds. ASVS 5.0: V6.3.1, V6.3.8, V7.2.4, V7.4.1.
"""

import time
from collections.abc import AsyncIterator
from statistics import median
from typing import Final

from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.report import Unchecked
from fastness.kernel.tokens import random_token
from fastness.probe.client import Visitor
from fastness.probe.scan import Person, Scan
from fastness.probe.wire import Answer

TOLD_ACCOUNT: Final = Notice(
    id="FST-PROBE-090",
    severity=Severity.MEDIUM,
    title="Sign-in answers otherwise for a name that somebody has",
    why="Names can be collected, and only real ones tried.",
    fix="Give the same status and text for an unknown name and a wrong password; the sign-in pages of the framework do.",
    topic=Topic.AUTHENTICATION,
    asvs=("V6.3.8",),
)
TIMED_ACCOUNT: Final = Notice(
    id="FST-PROBE-091",
    severity=Severity.LOW,
    title="Sign-in takes another time for a name that somebody has",
    why="Names can be told apart with a clock.",
    fix="Do the same work for an unknown name as for a wrong password; the framework's sign-in does.",
    topic=Topic.AUTHENTICATION,
    asvs=("V6.3.8",),
)
FREE_GUESSES: Final = Notice(
    id="FST-PROBE-092",
    severity=Severity.HIGH,
    title="Passwords can be guessed without waiting",
    why="Lists of stolen passwords are tried at thousands of accounts.",
    fix="Sign people in by the framework's login service, which counts attempts across workers.",
    topic=Topic.AUTHENTICATION,
    asvs=("V6.3.1",),
)
FIXED_SESSION: Final = Notice(
    id="FST-PROBE-093",
    severity=Severity.HIGH,
    title="A session keeps its id when somebody signs in",
    why="Whoever planted the id in the browser is signed in as well (session fixation).",
    fix="Sign in with request.site.sessions, which gives each sign-in a new id.",
    topic=Topic.AUTHENTICATION,
    asvs=("V7.2.4",),
)
LASTING_SESSION: Final = Notice(
    id="FST-PROBE-094",
    severity=Severity.HIGH,
    title="A session lives on after signing out",
    why="The cookie of a stolen or borrowed device still opens the account.",
    fix="End the session in the store, as the framework's sign-out does, and keep nothing in the cookie but its id.",
    topic=Topic.AUTHENTICATION,
    asvs=("V7.4.1",),
)

NOTICES: Final = (TOLD_ACCOUNT, TIMED_ACCOUNT, FREE_GUESSES, FIXED_SESSION, LASTING_SESSION)

_ROUNDS: Final = 4
"""Wrong passwords for an account that exists: below what makes its owner wait."""
_MAX_GUESSES: Final = 30
_CLEAR_RATIO: Final = 2.0
_CLEAR_SECONDS: Final = 0.02
_WAITING: Final = frozenset({403, 423, 429, 503})


async def check_sessions(scan: Scan) -> AsyncIterator[Finding]:
    """Sign in with a planted id, sign out, and use the old id once more."""
    cookie, out = scan.session_cookie, scan.target.sign_out_path
    for person in scan.people[:1]:
        pages = person.private_pages()
        private = next((page for page in pages if out is not None and scan.has_form(page.answer, out)), None)
        once = Person(Visitor(name=person.visitor.name), person.account)
        planted = await planted_id(scan)
        once.visitor.cookies[cookie] = planted
        if not await scan.sign_in(once, keeps_session=True):
            scan.left_out.append(
                Unchecked(what="life of sessions", why=f"{once.visitor.name} could not sign in again.")
            )
            continue
        signed_in = once.visitor.cookies.get(cookie, planted)
        if signed_in == planted:
            yield FIXED_SESSION.found(where=f"POST {scan.target.sign_in_path}")
        if out is None:
            continue
        if private is None or (await scan.submit_from(private.path, out, once.visitor)).status >= 400:
            why = f"No page that {once.visitor.name} was shown has a form that leads to {out} and signs out."
            scan.left_out.append(Unchecked(what="signing out", why=why))
            continue
        again = await scan.client.ask(private.path, visitor=Visitor(cookies={cookie: signed_in}))
        if again.is_success:
            yield LASTING_SESSION.found(where=f"GET {private.path} after POST {out}")


async def planted_id(scan: Scan) -> str:
    """A session id from before signing in: the site's own, where it gives one out, or a made-up one."""
    visitor = Visitor()
    if scan.target.sign_in_path is not None:
        await scan.client.ask(scan.target.sign_in_path, visitor=visitor)
    return visitor.cookies.get(scan.session_cookie, "p" * 43)


async def check_accounts(scan: Scan) -> AsyncIterator[Finding]:
    """Compare what a wrong password gets for a name that exists, and for one that does not."""
    path = scan.target.sign_in_path
    for person in scan.people[:1]:
        if path is None:
            return
        known: list[float] = []
        unknown: list[float] = []
        for turn in range(_ROUNDS):
            name = f"probe-{random_token()[:12]}"
            seconds, mine = await attempt(scan, path, person.visitor.name)
            other_seconds, nobodys = await attempt(scan, path, name)
            if _WAITING & {mine.status, nobodys.status}:
                break
            known.append(seconds)
            unknown.append(other_seconds)
            if not turn and signs(mine, person.visitor.name) != signs(nobodys, name):
                yield TOLD_ACCOUNT.found(where=f"POST {path} ({mine.status} and {nobodys.status})")
        if len(known) == _ROUNDS and is_clear(known, unknown):
            figures = (
                f"{median(known) * 1000:.0f} ms for a name that exists, {median(unknown) * 1000:.0f} ms for others"
            )
            yield TIMED_ACCOUNT.found(where=f"POST {path} (medians of {_ROUNDS}: {figures})")
        # A right sign-in gives the attempts back.
        await scan.sign_in(person)


async def attempt(scan: Scan, path: str, name: str) -> tuple[float, Answer]:
    """One wrong password, and how long its answer took."""
    visitor = Visitor()
    body = await scan.filled(path, path, visitor, {"username": name, "password": f"wrong {random_token()}"})
    started = time.monotonic()
    answer = await scan.client.ask(path, "POST", visitor=visitor, headers=scan.form_headers(path), body=body)
    return time.monotonic() - started, answer


def signs(answer: Answer, name: str) -> tuple[object, ...]:
    """What an answer tells, without what differs each time."""
    return answer.status, answer.header("location"), [len(part) for part in answer.text.replace(name, "").split()[-40:]]


def is_clear(known: list[float], unknown: list[float]) -> bool:
    """Whether the two differ in both halves of the rounds, by a factor and by a time that no network explains."""
    half = len(known) // 2
    pairs = [(median(known[part]), median(unknown[part])) for part in (slice(0, half), slice(half, None))]
    slower = [one > other for one, other in pairs]
    return len(set(slower)) == 1 and all(
        max(pair) > min(pair) * _CLEAR_RATIO and max(pair) - min(pair) > _CLEAR_SECONDS for pair in pairs
    )


async def check_guesses(scan: Scan) -> AsyncIterator[Finding]:
    """Guess at a name that nobody has until told to wait."""
    path = scan.target.sign_in_path
    if path is None or not any(route.path == path and "POST" in route.methods for route in scan.routes):
        return
    name = f"probe-{random_token()[:12]}"
    for _ in range(_MAX_GUESSES):
        fields = {"username": name, "password": f"wrong {random_token()}"}
        if (await scan.submit(path, fields, Visitor())).status in _WAITING:
            return
    yield FREE_GUESSES.found(where=f"POST {path} ({_MAX_GUESSES} attempts at one name)")
