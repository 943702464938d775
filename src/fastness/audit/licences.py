"""The licences that packages say they have: for the list of components, and for those who have to agree to them.

Read from the metadata of what is installed here: License-Expression (PEP 639), else the classifiers, else a short text.
What a licence asks for is for lawyers; two kinds are pointed out. ASVS 5.0: V15.1.2 (an inventory).
"""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution
from typing import Final

from fastness.audit.dependencynotices import COPYLEFT, NO_LICENCE
from fastness.audit.installed import installed
from fastness.audit.pins import Dependency
from fastness.kernel.findings import Finding

_COPYLEFT: Final = re.compile(
    r"\b(?:A|L)?GPL|GNU (?:Affero |Lesser |Library )?General Public|\bMPL\b|Mozilla Public|\bEUPL|European Union Public"
    r"|\bSSPL|\bBUSL|\bEPL\b|\bCDDL|CC-BY-SA",
    re.IGNORECASE,
)
_MAX_LENGTH: Final = 60
"""A longer text is the licence itself, not its name."""


def licence_of(dependency: Dependency) -> str | None:
    """What the package of this very version says, if it is installed."""
    package = installed(dependency.name)
    return _licence(package) if package is not None and package.version == dependency.version else None


def licence_findings(dependencies: Iterable[Dependency]) -> Iterator[Finding]:
    """The two kinds that somebody should look at; what is not installed here says nothing."""
    known = {each.name: licence for each in dependencies if (licence := licence_of(each)) is not None}
    copyleft = [f"{name} ({licence})" for name, licence in sorted(known.items()) if _is_copyleft(licence)]
    unknown = [name for name, licence in sorted(known.items()) if not licence]
    if copyleft:
        yield COPYLEFT.found(where=f"{len(copyleft)} of {len(known)}", detail=f"{', '.join(copyleft)}. {COPYLEFT.why}")
    if unknown:
        yield NO_LICENCE.found(
            where=f"{len(unknown)} of {len(known)}", detail=f"{', '.join(unknown)}. {NO_LICENCE.why}"
        )


def _is_copyleft(licence: str) -> bool:
    """Whether every choice that is offered is one: "MIT OR GPL-2.0" is MIT for whoever wants it."""
    return all(_COPYLEFT.search(choice) for choice in re.split(r"\s+OR\s+", licence))


def _licence(package: Distribution) -> str:
    if expression := _field(package, "License-Expression"):
        return expression
    lines = package.metadata.get_all("Classifier") or ()
    names = [line.rpartition("::")[2].strip() for line in lines if line.startswith("License ::")]
    if named := [name for name in names if name != "OSI Approved"]:
        return " OR ".join(named)
    text = " ".join(_field(package, "License").split())
    if text.upper() == "UNKNOWN":
        return ""
    return text if len(text) <= _MAX_LENGTH else text[:_MAX_LENGTH].partition(" ")[0]


def _field(package: Distribution, name: str) -> str:
    return str((package.metadata.get_all(name) or ("",))[0])
