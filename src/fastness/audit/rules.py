"""All rules about source code, in one place; the order is that of the report among findings of equal severity."""

from typing import Final

from fastness.audit import (
    accessrules,
    coderules,
    cryptorules,
    inputrules,
    networkrules,
    patternrules,
    secretrules,
    sqlrules,
)
from fastness.audit.rule import Rule
from fastness.kernel.findings import Notice

RULES: Final[tuple[Rule, ...]] = (
    *sqlrules.RULES,
    *coderules.RULES,
    *inputrules.RULES,
    *patternrules.RULES,
    *secretrules.RULES,
    *cryptorules.RULES,
    *networkrules.RULES,
    *accessrules.RULES,
)
NOTICES: Final[tuple[Notice, ...]] = tuple(rule.notice for rule in RULES)
