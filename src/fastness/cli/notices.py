"""Everything that any of the tools can find, in one list: for the reference, and for what a project accepts.

A project has one table of accepted findings. Each tool gets the part of it that is its own, so that it can tell which of
those silence nothing; an id that no tool has is refused by whichever runs first.

ASVS 5.0: V15.1.5 (dangerous functionality is documented).
"""

from collections.abc import Collection, Mapping
from typing import Final

from fastness.audit import catalogue as audit_catalogue
from fastness.checks import catalogue
from fastness.kernel.because import Because
from fastness.kernel.findings import Notice
from fastness.kernel.report import NEEDLESS_ACCEPTANCE, refuse_unknown
from fastness.probe import catalogue as probe_catalogue
from fastness.web import traffic

FOUND_BY_TOOLS: Final[tuple[Notice, ...]] = (
    *catalogue.NOTICES,
    *audit_catalogue.NOTICES,
    *probe_catalogue.NOTICES,
)
"""What a tool can find, and so a project accept."""

BY_TOOL: Final[Mapping[str, tuple[Notice, ...]]] = {
    "check": (*catalogue.NOTICES, NEEDLESS_ACCEPTANCE),
    "audit": (*audit_catalogue.NOTICES, NEEDLESS_ACCEPTANCE),
    "probe": (*probe_catalogue.NOTICES, NEEDLESS_ACCEPTANCE),
}
"""What can stand in the report of each."""

ALL_NOTICES: Final[tuple[Notice, ...]] = (*FOUND_BY_TOOLS, NEEDLESS_ACCEPTANCE, *traffic.NOTICES)


def accepted_for(known_ids: Collection[str], accepted: Mapping[str, Because]) -> Mapping[str, Because]:
    """What a project accepts of the findings with these ids; raises `ConfigError` for an id that no tool has."""
    refuse_unknown(accepted, {notice.id for notice in FOUND_BY_TOOLS})
    return {name: reason for name, reason in accepted.items() if name in known_ids}
