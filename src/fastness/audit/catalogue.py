"""Every kind of finding that the audit can make. Needs none of the libraries that the audit needs."""

from typing import Final

from fastness.audit import banditrun, dependencynotices, repository, rules, silences
from fastness.kernel.findings import Notice

NOTICES: Final[tuple[Notice, ...]] = (
    *rules.NOTICES,
    *silences.NOTICES,
    *banditrun.NOTICES,
    *repository.NOTICES,
    *dependencynotices.NOTICES,
)
KNOWN_IDS: Final = frozenset(notice.id for notice in NOTICES)
