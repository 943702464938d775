"""`auditlog`: whether the log of security events is whole, what is in it, and all of it for another program.

These commands only read: the table is opened so that nothing can be written into it, and nothing is emitted. What they print
was chosen by attackers in part; it is printed as the escaped JSON that it is kept as.

ASVS 5.0: V16.4.1 (encoded for the terminal), V16.4.2.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from fastness.app import Fastness
from fastness.auditlog.ledger import BEFORE_ALL, Ledger
from fastness.auditlog.opening import audit_url, make_ledger
from fastness.auditlog.verifying import Anchor, Harm, Problem, Verification, as_json, read_anchors, verify
from fastness.cli.errors import CommandError
from fastness.cli.location import find_location, load_app
from fastness.cli.terminal import printable, say

T = TypeVar("T")

_PAGE: Final = 1000
_TEXTS: Final = {
    Harm.CHANGED: "changed after it was written",
    Harm.MISSING: "missing",
    Harm.INSERTED: "put in by somebody without the key",
    Harm.MOVED: "moved here from another place",
    Harm.UNSEALED: "not sealed with a key of this app: written by somebody else, or the key was retired since",
    Harm.UNREADABLE: "unreadable: the file or the table is damaged",
    Harm.TRUNCATED: "missing: the end of the log was cut off",
}
_HEAD_TEXT: Final = "The head of the chain is missing or not sealed with a key of this app."


def verify_log(app_name: str | None, *, logs: list[Path], as_json: bool) -> bool:
    """Look at every row, and at the checkpoints in the log files; whether all is well."""
    app = load_app(find_location(app_name))
    keyring = app.settings.keyring
    anchors = [anchor for file in logs for anchor in _anchors_of(file, app)]
    if logs and not anchors:
        raise CommandError(
            "The log files have no checkpoint of this app. They are JSON lines of the logger fastness.audit."
        )
    found = _read(app, lambda ledger: verify(ledger, keyring, anchors=anchors))
    if as_json:
        say(json.dumps(_json_of(found), indent=2))
    else:
        for problem in found.problems:
            say(_text_of(problem))
        say(_summary_of(found, has_logs=bool(logs)))
    return found.is_whole


def show_tail(app_name: str | None, *, count: int) -> None:
    """Print the newest events, the newest last."""
    for line in _read(load_app(find_location(app_name)), lambda ledger: _tail(ledger, count)):
        say(line)


def export(app_name: str | None, *, since: int) -> None:
    """Print all events from row `since` on."""
    _read(load_app(find_location(app_name)), lambda ledger: _export(ledger, since))


async def _tail(ledger: Ledger, count: int) -> list[str]:
    newest = await ledger.newest_number()
    return [as_json(row) for row in await ledger.page(newest - count, count)]


async def _export(ledger: Ledger, since: int) -> None:
    after = since - 1 if since else BEFORE_ALL
    while rows := await ledger.page(after, _PAGE):
        for row in rows:
            say(as_json(row))
        after = rows[-1].number


def _read(app: Fastness, work: Callable[[Ledger], Awaitable[T]]) -> T:
    settings = app.settings
    url = audit_url(settings.audit, database_url=settings.database_url, store_url=settings.store_url)
    if url is None:
        raise CommandError("This app has no audit log: FASTNESS_AUDIT_URL is off, or sessions are kept in memory.")
    reason = settings.database.insecure_unverified_tls

    async def run() -> T:
        ledger = make_ledger(url, settings.keyring, app.services.clock, insecure_unverified_tls=reason)
        await ledger.open(is_read_only=True)
        try:
            return await work(ledger)
        finally:
            await ledger.close()

    return asyncio.run(run())


def _anchors_of(file: Path, app: Fastness) -> Iterator[Anchor]:
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            yield from read_anchors(lines, app.settings.keyring)
    except OSError as error:
        raise CommandError(f"{printable(str(file))} cannot be read: {error.strerror}.") from None


def _text_of(problem: Problem) -> str:
    if problem.harm is Harm.HEAD:
        return _HEAD_TEXT
    if problem.first == problem.last:
        return f"Row {problem.first}: {_TEXTS[problem.harm]}."
    return f"Rows {problem.first} to {problem.last}: {_TEXTS[problem.harm]}."


def _summary_of(found: Verification, *, has_logs: bool) -> str:
    rows = f"{found.rows} rows ({found.first} to {found.last})" if found.rows else "no rows"
    if not found.is_whole:
        return f"The audit log was tampered with: {rows}, {len(found.problems)} problems."
    checkpoints = f", {found.anchors} checkpoints of the log agree" if has_logs else ""
    return f"The audit log is whole: {rows}{checkpoints}."


def _json_of(found: Verification) -> dict[str, object]:
    return {
        "whole": found.is_whole,
        "rows": found.rows,
        "first": found.first,
        "last": found.last,
        "checkpoints": found.anchors,
        "problems": [
            {"harm": problem.harm.value, "first": problem.first, "last": problem.last} for problem in found.problems
        ],
    }
