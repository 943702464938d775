"""What is installed of the things a project asks for, with everything that these ask for in turn.

Read from the metadata of this Python's packages; nothing is imported. ASVS 5.0: V15.1.2 (an inventory).
"""

from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from fastness.audit.pins import Dependency
from fastness.kernel.report import Unchecked

INSTALLED = "installed"


def installed_below(wanted: Iterable[str]) -> tuple[list[Dependency], list[Unchecked]]:
    """The packages that these requirements bring along here, and the requirements that are not installed."""
    found: dict[str, Dependency] = {}
    missing: dict[str, Unchecked] = {}
    queue = [(line, frozenset[str]()) for line in wanted]
    done: set[tuple[str, frozenset[str]]] = set()
    while queue:
        line, extras = queue.pop()
        requirement = _requirement(line)
        if requirement is None or not _applies(requirement, extras):
            continue
        name = canonicalize_name(requirement.name)
        step = (name, frozenset(requirement.extras))
        if step in done:
            continue
        done.add(step)
        package = installed(name)
        if package is None:
            missing[name] = Unchecked(
                what=name, why=f"It is asked for ({line}), and neither pinned nor installed here."
            )
            continue
        if not is_local(package):
            found[name] = Dependency(name=name, version=package.version, where=INSTALLED)
        queue += [(each, step[1]) for each in package.requires or ()]
    return [found[name] for name in sorted(found)], [missing[name] for name in sorted(missing)]


def installed(name: str) -> Distribution | None:
    """The metadata of a package, if it is here."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def is_local(package: Distribution) -> bool:
    """Whether it was installed from a folder, and is no published version."""
    return '"dir_info"' in (package.read_text("direct_url.json") or "")


def _requirement(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    """Whether a requirement holds for this machine and one of the extras that were asked for."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras})
