"""Known vulnerabilities from the advisory service that pip-audit is set up for.

pip-audit says "No known vulnerabilities found" and ends with 0 when its service does not know a package, or answers
without advisories, as a mirror of the index may. So it is first asked about a version whose vulnerability has been known
since 2019; a service that does not know that one knows nothing, and then nothing was checked. Packages that it skips were
not checked either.

Versions are given as they are pinned: nothing is resolved, downloaded or installed (`--no-deps --disable-pip`).

ASVS 5.0: V15.2.1 (no component past its time).
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from fastness.audit.advisories import Advisory
from fastness.audit.pins import Dependency
from fastness.audit.programs import ProgramError, run_module
from fastness.kernel.report import Unchecked
from fastness.kernel.values import dataclass

KNOWN_BAD: Final = Dependency(name="jinja2", version="2.10", where="")
"""CVE-2019-10906: a way out of its sandbox."""
_KNOWN_BAD_ID: Final = "CVE-2019-10906"
_WHAT: Final = "Known vulnerabilities"
_CANARY_SECONDS: Final = 90
_SECONDS: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineAnswer:
    """What the service says."""

    advisories: tuple[Advisory, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()


def ask_service(folder: Path, dependencies: Sequence[Dependency]) -> OnlineAnswer:
    """Ask about these dependencies, once it is known that the service has an answer."""
    try:
        known = _ask(folder, [KNOWN_BAD], seconds=_CANARY_SECONDS)
        if not any(_KNOWN_BAD_ID in advisory.ids for advisory in known.advisories):
            return _nothing(
                f"The advisory service does not know {_KNOWN_BAD_ID} of {KNOWN_BAD.name} {KNOWN_BAD.version}, so its "
                "answers say nothing. Set up pip-audit for a service that has advisories, or give a snapshot with --osv."
            )
        # One file may not name two versions of a package.
        answers = [_ask(folder, batch, seconds=_SECONDS) for batch in _batches(dependencies)]
    except ProgramError as error:
        return _nothing(f"{error} Try again with a network, or give a snapshot with --osv.")
    return OnlineAnswer(
        advisories=tuple(each for answer in answers for each in answer.advisories),
        unchecked=tuple(each for answer in answers for each in answer.unchecked),
    )


def _nothing(why: str) -> OnlineAnswer:
    return OnlineAnswer(unchecked=(Unchecked(what=_WHAT, why=why),))


def _batches(dependencies: Sequence[Dependency]) -> Iterator[list[Dependency]]:
    left = list(dependencies)
    while left:
        batch = {dependency.name: dependency for dependency in reversed(left)}
        yield [*batch.values()]
        left = [dependency for dependency in left if dependency not in batch.values()]


def _ask(folder: Path, dependencies: Sequence[Dependency], *, seconds: float) -> OnlineAnswer:
    with tempfile.TemporaryDirectory(prefix="fastness-audit-") as work:
        file = Path(work) / "requirements.txt"
        file.write_text("".join(f"{each.name}=={each.version}\n" for each in dependencies), encoding="utf-8")
        ran = run_module(
            "pip_audit", "--requirement", str(file), "--no-deps", "--disable-pip", "--format", "json", "--aliases", "on",
            "--desc", "off", "--progress-spinner", "off", folder=folder, seconds=seconds,
        )  # fmt: skip
    try:
        packages = json.loads(ran.output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        raise ProgramError(f"pip-audit gave no answer: {ran.complaint}.") from None
    answers = {str(canonicalize_name(package["name"])): package for package in packages}
    advisories: list[Advisory] = []
    unchecked: list[Unchecked] = []
    for dependency in dependencies:
        package = answers.get(dependency.name)
        if package is None or "skip_reason" in package:
            why = "pip-audit left it out." if package is None else str(package["skip_reason"])
            unchecked.append(Unchecked(what=f"{dependency.name} {dependency.version}", why=why))
            continue
        advisories += [
            Advisory(
                dependency=dependency,
                ids=frozenset({found["id"], *found.get("aliases", ())}),
                fixed=tuple(found.get("fix_versions", ())[:1]),
            )
            for found in package["vulns"]
        ]
    return OnlineAnswer(advisories=tuple(advisories), unchecked=tuple(unchecked))
