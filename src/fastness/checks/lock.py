"""The lock file: who may use which route, as it was last reviewed.

`access.lock` lies in version control beside the code. A route that is new, that is gone, that has another rule or leaves out
another protection no longer matches it, and `fastness check` fails until somebody has written the file again, where a review
sees one changed line. What it cannot see: another meaning of the same words, such as a changed function in `access.test` or a
policy. Those are tested, not locked.

The lines stand in the order of the routes, because the route declared first wins: an order that changed is a change of access.
Whoever may write the file may hide a change in it, but not from its review. ASVS 5.0: V8.1.1, V15.1.5.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from fastness.checks.check import Deployment
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.values import dataclass
from fastness.web.debugtoken import debug_routes
from fastness.web.route import Route

LOCK_FILE: Final = "access.lock"
_HEAD: Final = """\
# Who may use which route: methods, path, access rule, and in brackets what the route leaves out, with its reason.
# Written by `fastness routes --matrix --write`. Commit it: `fastness check` fails when the routes no longer match.
# The order is that of the routes, of which the first that matches answers. Own comments above a line are kept.
"""
_GAP: Final = "  "

ACCESS_CHANGED: Final = Notice(
    id="FST-ACCESS-001",
    severity=Severity.HIGH,
    title="The routes are not those of the lock file",
    why="Who may use what has changed since access.lock was reviewed.",
    fix="If the change is meant: `fastness routes --matrix --write`, and commit access.lock with it.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.1.1",),
)
NO_LOCK_FILE: Final = Notice(
    id="FST-ACCESS-002",
    severity=Severity.LOW,
    title="There is no lock file of the routes' access",
    why="A rule that is changed or lost by accident looks like any other line of a change.",
    fix="Run `fastness routes --matrix --write`, and commit access.lock.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.1.1",),
)

NOTICES: Final = (ACCESS_CHANGED, NO_LOCK_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: a route."""

    address: str
    """Methods and path."""
    terms: str
    """The rule and what it leaves out."""

    def __str__(self) -> str:
        return f"{self.address}{_GAP}{self.terms}"


def check_lock(deployment: Deployment) -> Iterator[Finding]:
    """Whether the routes are those that were reviewed."""
    entries = entries_of(deployment.routes)
    if not entries:
        return
    try:
        text = read_lock(deployment.folder)
    except (OSError, UnicodeDecodeError):
        yield ACCESS_CHANGED.found(where=LOCK_FILE, detail=f"{LOCK_FILE} cannot be read.")
        return
    if text is None:
        yield NO_LOCK_FILE.found(where=LOCK_FILE)
        return
    for where, what in differences(text, entries):
        yield ACCESS_CHANGED.found(where=where, detail=what)


def read_lock(folder: Path) -> str | None:
    """The file's text, or `None` where there is none."""
    file = folder / LOCK_FILE
    return file.read_text(encoding="utf-8") if file.exists() else None


def entries_of(routes: Iterable[Route]) -> list[Entry]:
    """What the file should say of the routes. A page that only a developer's own server has is no part of it."""
    theirs = {declared.endpoint for declared in debug_routes.declared()}
    return [
        Entry(address=f"{','.join(methods_of(route))} {plain(route.path)}", terms=terms_of(route))
        for route in routes
        if route.kind != "http" or route.endpoint not in theirs
    ]


def methods_of(route: Route) -> list[str]:
    """The methods in a fixed order; what is no HTTP request at one address says what it is."""
    if route.kind in {"websocket", "websocket-asgi"}:
        return ["WEBSOCKET"]
    return sorted(route.methods) or ["any"]


def terms_of(route: Route) -> str:
    """The rule, then each thing that loosens a gate for this route, and whether API tokens open it."""
    loosened = [f"{name}: {reason.text}" for name, reason in route.exemptions()]
    if route.framing != "deny":
        framing = route.framing if isinstance(route.framing, str) else " ".join(route.framing)
        loosened.append(f"framing: {framing}")
    if route.tokens:
        loosened.append("tokens")
    if route.trusted_origins:
        loosened.append(f"trusted_origins: {' '.join(route.trusted_origins)}")
    return _GAP.join([plain(str(route.access)), *(f"[{plain(one)}]" for one in loosened)])


def plain(text: str) -> str:
    """The text on one line, with single blanks, and nothing that a terminal would act on."""
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in " ".join(text.split()))


def lock_text(entries: Sequence[Entry], former: str = "") -> str:
    """The file; comments of `former` stay above the lines they stood above."""
    comments = comments_of(former)
    lines: list[str] = []
    for entry in entries:
        lines += comments.pop(entry.address, [])
        lines.append(str(entry))
    return _HEAD + "\n" + "\n".join(lines) + "\n"


def comments_of(text: str) -> dict[str, list[str]]:
    """People's own comments, by the address of the line below them."""
    comments: dict[str, list[str]] = {}
    pending: list[str] = []
    for line in text.removeprefix(_HEAD).splitlines():
        if line.lstrip().startswith("#"):
            pending.append(line.strip())
        elif line.strip():
            if pending:
                comments.setdefault(address_and_terms(line)[0], pending)
            pending = []
    return comments


def address_and_terms(line: str) -> tuple[str, str]:
    """The two halves of a line."""
    address, _, terms = line.strip().partition(_GAP)
    return address, _GAP.join(part.strip() for part in terms.split(_GAP) if part.strip())


def differences(text: str, entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Where the file and the routes part, each with what to say of it."""
    locked = [
        address_and_terms(line) for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    actual = [(entry.address, entry.terms) for entry in entries]
    if locked == actual:
        return []
    found: list[tuple[str, str]] = []
    for address in dict.fromkeys([one for one, _ in (*actual, *locked)]):
        before = [terms for one, terms in locked if one == address]
        now = [terms for one, terms in actual if one == address]
        if before == now:
            continue
        if not before:
            found.append((address, f"This route is not in {LOCK_FILE}; it says {'; '.join(now)}."))
        elif not now:
            found.append((address, f"This line of {LOCK_FILE} has no route any more."))
        else:
            found.append((address, f"It was {'; '.join(before)} and is {'; '.join(now)}."))
    if not found:
        (first, _), _ = next(pair for pair in zip(actual, locked, strict=True) if pair[0] != pair[1])
        found.append(
            (first, f"The routes come in another order than in {LOCK_FILE}, and the first that matches answers.")
        )
    return found
