"""Known vulnerabilities from a snapshot of OSV on this machine: a folder or a ZIP file of JSON records, one for each advisory.

The format is that of ossf/osv-schema, 1.7; only what it says of the ecosystem PyPI is read. A snapshot that has no such
record knows nothing, and one that is old does not know what was published since: both are things that could not be
checked. Whether a snapshot is whole cannot be seen from inside; take the whole export.

ASVS 5.0: V15.2.1 (no component past its time).
"""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from fastness.audit.advisories import Advisory
from fastness.audit.pins import Dependency
from fastness.kernel.report import Unchecked
from fastness.kernel.values import dataclass

MAX_AGE: Final = timedelta(days=30)
_ECOSYSTEM: Final = "PyPI"
_MAX_BYTES: Final = 5_000_000
"""One record; the largest known ones are far below."""


class SnapshotError(Exception):
    """A snapshot that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotAnswer:
    """What a snapshot says."""

    advisories: tuple[Advisory, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()


def look_up(snapshot: Path, dependencies: Sequence[Dependency], *, now: datetime) -> SnapshotAnswer:
    """What the snapshot knows about these dependencies; raises `SnapshotError`."""
    wanted: dict[str, list[Dependency]] = {}
    for dependency in dependencies:
        wanted.setdefault(dependency.name, []).append(dependency)
    advisories: list[Advisory] = []
    unchecked: list[Unchecked] = []
    count = 0
    newest: datetime | None = None
    for name, record in _records(snapshot):
        affected = _affected(record)
        if not affected:
            continue
        count += 1
        newest = max(filter(None, (newest, _time(record.get("modified")))), default=None)
        if record.get("withdrawn"):
            continue
        for entry in affected:
            for dependency in wanted.get(_package(entry), ()):
                try:
                    if is_affected(entry, dependency.version):
                        advisories.append(_advisory(record, entry, dependency))
                except InvalidVersion as error:
                    unchecked.append(Unchecked(what=f"{dependency.name} {dependency.version}", why=f"{name}: {error}"))
    unchecked += _doubts(snapshot, count, newest, now)
    return SnapshotAnswer(advisories=tuple(advisories), unchecked=tuple(unchecked))


def is_affected(entry: Mapping[str, object], version: str) -> bool:
    """Whether a version is one of those that an entry of `affected` means; raises `InvalidVersion`."""
    given = Version(version)
    listed = entry.get("versions")
    for each in listed if isinstance(listed, list) else []:
        if str(each) == version or _is_same(str(each), given):
            return True
    return any(_is_in_range(events, given) for events in _ranges(entry))


def _ranges(entry: Mapping[str, object]) -> Iterator[object]:
    """The events of each range of versions; ranges of another type count commits."""
    ranges = entry.get("ranges")
    for each in ranges if isinstance(ranges, list) else []:
        if isinstance(each, dict) and each.get("type") == "ECOSYSTEM":
            yield each.get("events")


def _is_in_range(events: object, version: Version) -> bool:
    """The schema's algorithm: walk the events in the order of their versions, and see how the last one at or below left it."""
    found = False
    for kind, at in sorted(_events(events), key=lambda event: event[1]):
        if kind == "introduced" and version >= at:
            found = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            found = False
    return found


def _events(events: object) -> Iterator[tuple[str, Version]]:
    for event in events if isinstance(events, list) else []:
        for kind, at in event.items() if isinstance(event, dict) else ():
            if kind in {"introduced", "fixed", "last_affected"}:
                yield kind, Version(str(at))


def _is_same(listed: str, version: Version) -> bool:
    try:
        return Version(listed) == version
    except InvalidVersion:
        return False  # old records list versions from before PEP 440


def _records(snapshot: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    try:
        if snapshot.is_dir():
            for file in sorted(snapshot.rglob("*.json")):
                if file.stat().st_size > _MAX_BYTES:
                    raise SnapshotError(f"{file} is longer than {_MAX_BYTES} bytes.")
                yield file.name, _record(file.name, file.read_bytes())
        else:
            with zipfile.ZipFile(snapshot) as archive:
                for member in archive.infolist():
                    if member.filename.endswith(".json"):
                        if member.file_size > _MAX_BYTES:
                            raise SnapshotError(f"{member.filename} in {snapshot} is longer than {_MAX_BYTES} bytes.")
                        yield member.filename, _record(member.filename, archive.read(member))
    except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        # RuntimeError: a member is locked with a password; NotImplementedError: packed in a way that Python does not know.
        raise SnapshotError(f"{snapshot} is no folder and no ZIP file of OSV records: {error}") from None


def _record(name: str, content: bytes) -> Mapping[str, object]:
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SnapshotError(f"{name} is no JSON: {error}") from None
    if not isinstance(record, dict) or not isinstance(record.get("id"), str):
        raise SnapshotError(f"{name} is no OSV record: it has no id.")
    return record


def _affected(record: Mapping[str, object]) -> list[Mapping[str, object]]:
    entries = record.get("affected")
    return [
        entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
        and isinstance(entry.get("package"), dict)
        and str(entry["package"].get("ecosystem")).partition(":")[0] == _ECOSYSTEM
    ]


def _package(entry: Mapping[str, object]) -> str:
    package = entry["package"]
    return canonicalize_name(str(package.get("name"))) if isinstance(package, dict) else ""


def _advisory(record: Mapping[str, object], entry: Mapping[str, object], dependency: Dependency) -> Advisory:
    aliases = record.get("aliases")
    later = (at for events in _ranges(entry) for at in _fixes(events) if at > Version(dependency.version))
    first = min(later, default=None)
    return Advisory(
        dependency=dependency,
        ids=frozenset({str(record["id"]), *(aliases if isinstance(aliases, list) else ())}),
        summary=" ".join(str(record.get("summary") or "").split())[:300],
        fixed=() if first is None else (str(first),),
    )


def _fixes(events: object) -> Iterator[Version]:
    for event in events if isinstance(events, list) else []:
        if isinstance(event, dict) and "fixed" in event:
            # What is no version only goes without the advice which one to take.
            with suppress(InvalidVersion):
                yield Version(str(event["fixed"]))


def _doubts(snapshot: Path, count: int, newest: datetime | None, now: datetime) -> Iterator[Unchecked]:
    what = "Known vulnerabilities"
    if not count:
        yield Unchecked(what=what, why=f"{snapshot} has no record about Python packages: this is no snapshot of OSV.")
    elif newest is None or now - newest > MAX_AGE:
        age = "has no dates" if newest is None else f"ends at {newest:%Y-%m-%d}"
        yield Unchecked(
            what=what,
            why=f"{snapshot} {age}: what was published since is not known. Fetch a new snapshot (older than "
            f"{MAX_AGE.days} days does not count).",
        )


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
