"""Permissions: declared once, with what they are for, as enums of the app's parts.

    class CasePermissions(Permissions):
        ADD_NOTE = "cases.add_note", "May write notes on a case."

A permission that exists only as a text in a rule is a permission that nobody can list, grant or review, and a misspelt one is
a door that either never opens or, renamed in one place and not in the other, opens for the wrong people. So a rule may demand
only what some enum declares; the app does not start otherwise. Names are ASCII words: two that look the same are the same.
Who holds what is data (`fastness.auth.roles`), not code; whoever writes the code is trusted.

ASVS 5.0: V8.1.1 (rules are documented), V8.2.1 (function-level access by explicit permission).
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, Self

from fastness.kernel.errors import ConfigError
from fastness.kernel.nearest import nearest

MAX_LENGTH: Final = 100
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
_EXAMPLE: Final = 'ADD_NOTE = "cases.add_note", "May write notes on a case."'
_NEAR: Final = 3


class PermissionDeclarationError(ConfigError):
    """A permission that cannot be declared so."""

    code = "permission_declaration"


class UnknownPermissionError(ConfigError):
    """A permission is demanded or given that no enum declares."""

    code = "unknown_permission"


class Permissions(StrEnum):
    """Base class of an app part's permissions: each member is a name and a sentence that says what it allows.

    A member is its name, a text, wherever one is asked for.
    """

    documentation: str

    def __new__(cls, name: str, documentation: str = "") -> Self:
        member = str.__new__(cls, name)
        member._value_ = name
        member.documentation = documentation
        return member

    def __init_subclass__(cls) -> None:
        for key, member in cls.__members__.items():
            where = f"{cls.__qualname__}.{key}"
            if key != member.name:
                # An enum makes a repeated value an alias without a word; the second sentence would be lost.
                raise PermissionDeclarationError(
                    f"{where} is {member.value!r}, as {member.name} is. Give it its own name."
                )
            if not is_permission_name(member.value):
                raise PermissionDeclarationError(
                    f"{where}: {member.value!r} must be written as 'part.action' in small ASCII letters, digits and "
                    f"underscores, at most {MAX_LENGTH}: {_EXAMPLE}."
                )
            if not member.documentation.strip():
                raise PermissionDeclarationError(
                    f"{where} does not say what it allows. Add a sentence for whoever grants it: {_EXAMPLE}."
                )


class PermissionCatalogue:
    """All permissions of an app, in the order of their declaration."""

    __slots__ = ("_documentation",)

    def __init__(self, declared: Iterable[type[Permissions]]) -> None:
        """Collect the enums; raises `PermissionDeclarationError` where two declare the same name."""
        homes: dict[str, str] = {}
        self._documentation: dict[str, str] = {}
        for group in dict.fromkeys(declared):
            if not is_permissions(group):
                raise PermissionDeclarationError(
                    f"permissions=[…] takes enums derived from Permissions, not {group!r}: class CasePermissions(Permissions)."
                )
            for member in group:
                home = homes.setdefault(member.value, group.__qualname__)
                if member.value in self._documentation:
                    raise PermissionDeclarationError(
                        f"{group.__qualname__} declares {member.value!r}, and so does {home}. A name means one thing; "
                        "give one of them another."
                    )
                self._documentation[member.value] = member.documentation

    @property
    def names(self) -> tuple[str, ...]:
        """Every declared name."""
        return tuple(self._documentation)

    def __contains__(self, name: object) -> bool:
        return name in self._documentation

    def __iter__(self) -> Iterator[str]:
        return iter(self._documentation)

    def __len__(self) -> int:
        return len(self._documentation)

    def describe(self, name: str) -> str:
        """What the permission allows; raises `UnknownPermissionError`."""
        self.check(name)
        return self._documentation[name]

    def check(self, name: str, *, where: str = "") -> str:
        """Return the name as plain text, or raise `UnknownPermissionError` naming `where` and what was perhaps meant."""
        if name in self._documentation:
            return str(name)
        near = nearest(name[:MAX_LENGTH], self._documentation, most=_NEAR)
        meant = f" Did you mean {' or '.join(repr(one) for one in near)}?" if near else ""
        subject = f"{where} demands a permission that no enum declares" if where else "No enum declares this permission"
        raise UnknownPermissionError(
            f"{subject}: {name[:MAX_LENGTH]!r}.{meant} "
            "Declare it in a Permissions enum, and pass the enum as Fastness(…, permissions=[…])."
        )


def is_permissions(declared: object) -> bool:
    """Whether it is an enum of permissions, and not one of its members or another class."""
    return isinstance(declared, type) and issubclass(declared, Permissions)


def is_permission_name(name: object) -> bool:
    """Whether it is a text that could name a permission: `part.action`, ASCII."""
    return isinstance(name, str) and len(name) <= MAX_LENGTH and _NAME.fullmatch(name) is not None
