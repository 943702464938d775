"""What a rule about source code is: one function from a file to the places that break it.

The same functions serve `fastness audit` and the plugin for Bandit, so a rule knows nothing of either. The ids of
the ASVS stand in its notice.
"""

import ast
from collections.abc import Iterable
from typing import Protocol

from fastness.audit.module import Module
from fastness.kernel.findings import Notice
from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class Hit:
    """One place."""

    node: ast.AST
    detail: str | None = None
    """What is wrong just here, where the general reason does not say it."""

    @property
    def line(self) -> int:
        """Where it begins."""
        line: int = getattr(self.node, "lineno", 1)
        return line


class Finder(Protocol):
    """Looks at one file."""

    def __call__(self, module: Module, /) -> Iterable[Hit]:
        """Yield the places."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule, with what is said about it."""

    notice: Notice
    find: Finder
    same_as: tuple[str, ...] = ()
    """Bandit's ids for the same mistake: at the same place they are not told a second time."""

    @property
    def short_id(self) -> str:
        """As Bandit and comments name it: "FST001"."""
        return f"FST{self.notice.id.rpartition('-')[2]}"
