"""What an advisory says of one dependency, and how several sources' words for one vulnerability become one finding.

Databases copy from each other under ids of their own (GHSA, PYSEC, CVE); `aliases` tells which are the same. Told three
times, one hole would look like three.

ASVS 5.0: V15.2.1 (no component past its time).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from fastness.audit.dependencynotices import MALICIOUS, VULNERABLE
from fastness.audit.pins import Dependency
from fastness.kernel.findings import Finding
from fastness.kernel.values import dataclass

_MALICIOUS = "MAL-"
"""The prefix of the ids that OSV gives to malicious packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One source's word about one dependency."""

    dependency: Dependency
    ids: frozenset[str]
    """Its id and its aliases."""
    summary: str = ""
    fixed: tuple[str, ...] = ()
    """Versions in which it is repaired."""


def findings_of(advisories: Iterable[Advisory]) -> Iterator[Finding]:
    """One finding for each vulnerability of each dependency."""
    for advisory in sorted(_merged(advisories), key=lambda each: (each.dependency.name, min(each.ids))):
        dependency = advisory.dependency
        ids = ", ".join(sorted(advisory.ids))
        where = f"{dependency.where}: {dependency.name} {dependency.version}"
        if any(name.startswith(_MALICIOUS) for name in advisory.ids):
            yield MALICIOUS.found(where=where, detail=f"{ids}. {advisory.summary or MALICIOUS.why}")
            continue
        finding = VULNERABLE.found(where=where, detail=f"{ids}. {advisory.summary or VULNERABLE.why}")
        repaired = f"Update {dependency.name} to {' or '.join(advisory.fixed)}."
        nowhere = f"No version of {dependency.name} repairs it: leave it out, or accept it with what protects you."
        yield replace(finding, fix=repaired if advisory.fixed else nowhere)


def _merged(advisories: Iterable[Advisory]) -> list[Advisory]:
    """Those of one dependency that share an id become one."""
    merged: list[Advisory] = []
    for advisory in advisories:
        same = [each for each in merged if each.dependency == advisory.dependency and each.ids & advisory.ids]
        together = replace(
            advisory,
            ids=advisory.ids.union(*(each.ids for each in same)),
            summary=next((each.summary for each in (*same, advisory) if each.summary), ""),
            fixed=tuple(dict.fromkeys(version for each in (*same, advisory) for version in each.fixed)),
        )
        merged = [each for each in merged if each not in same] + [together]
    return merged
