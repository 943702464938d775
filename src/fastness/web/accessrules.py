"""The rules of access as values: what each one is called, what it holds, and how two become one.

`fastness.web.access` makes them and decides on them. They are frozen and compared by what they say, so that a table of routes can
be listed, written into a lock file and held against another.

ASVS 5.0: V8.1.1 (rules are documented and can be reviewed).
"""

import ipaddress
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass
from fastness.sessions.identity import Identity


class AccessReason(StrEnum):
    """Why a rule denied."""

    NOT_SIGNED_IN = "not_signed_in"
    NO_SECOND_FACTOR = "no_second_factor"
    NOT_FRESH = "not_fresh"
    NO_PERMISSION = "no_permission"
    NO_ROLE = "no_role"
    NETWORK = "network"
    TEST_FAILED = "test_failed"
    UNKNOWN_RULE = "unknown_rule"


class AccessRuleError(ConfigError):
    """An access rule that cannot be right."""

    code = "access_rule"


class AccessFacts(NamedTuple):
    """What a decision may look at."""

    identity: Identity | None
    client_ip: str
    now: float
    """Seconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class Access:
    """A rule. Make one with the functions of this module."""

    def __and__(self, other: "Access") -> "Access":
        return All((self, other))

    def __or__(self, other: "Access") -> "Access":
        return AnyOf((self, other))


@dataclass(frozen=True, slots=True)
class Public(Access):
    """Everybody."""

    def __str__(self) -> str:
        return "public"


@dataclass(frozen=True, slots=True)
class SignedIn(Access):
    """Somebody who is signed in."""

    def __str__(self) -> str:
        return "signed_in"


@dataclass(frozen=True, slots=True)
class SecondFactor(Access):
    """Somebody whose session has a second factor."""

    def __str__(self) -> str:
        return "second_factor"


@dataclass(frozen=True, slots=True)
class Fresh(Access):
    """Somebody who proved who they are a short while ago."""

    seconds: int

    def __str__(self) -> str:
        return f"fresh({self.seconds} s)"


@dataclass(frozen=True, slots=True)
class Permission(Access):
    """Somebody who holds a permission."""

    name: str

    def __str__(self) -> str:
        return f"permission({self.name})"


@dataclass(frozen=True, slots=True)
class Role(Access):
    """Somebody who has a role."""

    name: str

    def __str__(self) -> str:
        return f"role({self.name})"


Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class FromNetwork(Access):
    """A caller whose address lies in one of the networks."""

    networks: tuple[Network, ...]

    def __str__(self) -> str:
        return f"network({', '.join(map(str, self.networks))})"


@dataclass(frozen=True, slots=True)
class Test(Access):
    """Somebody signed in for whom a function says yes."""

    function: Callable[[Identity], bool]

    def __str__(self) -> str:
        return f"test({self.function.__name__})"


@dataclass(frozen=True, slots=True)
class Hidden(Access):
    """The rule inside; whomever it refuses is told that there is nothing here."""

    rule: Access

    def __str__(self) -> str:
        return f"hidden({self.rule})"


@dataclass(frozen=True, slots=True)
class All(Access):
    """Every part allows."""

    parts: tuple[Access, ...]

    def __str__(self) -> str:
        return " & ".join(f"({part})" if isinstance(part, AnyOf) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf(Access):
    """One part allows."""

    parts: tuple[Access, ...]

    def __str__(self) -> str:
        return " | ".join(f"({part})" if isinstance(part, All) else str(part) for part in self.parts)


def rules_in(rule: Access) -> Iterator[Access]:
    """The rule and everything it is made of."""
    yield rule
    match rule:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from rules_in(part)
        case Hidden(inner):
            yield from rules_in(inner)


def permissions_in(rule: Access) -> tuple[str, ...]:
    """The permissions that the rule demands somewhere, each once, in order."""
    return tuple(dict.fromkeys(one.name for one in rules_in(rule) if isinstance(one, Permission)))


def is_hiding(rule: Access) -> bool:
    """Whether somebody may be told that there is nothing here."""
    return any(isinstance(one, Hidden) for one in rules_in(rule))


def narrowed(outer: Access | None, own: Access | None) -> Access | None:
    """The rule of something inside something else: both hold. What is inside can ask for more, never for less.

    Raises:
        AccessRuleError: `own` is public and `outer` is not, which reads as if everybody could come in.
    """
    if outer is None or own is None:
        return own if outer is None else outer
    if isinstance(outer, Public):
        return own
    if isinstance(own, Public):
        raise AccessRuleError(
            f"It says access.public and lies inside what asks for {outer}; both would hold, so nobody else could come in. "
            "Declare it in a group of its own, or leave out access.public."
        )
    parts = _parts(outer)
    added = tuple(part for part in _parts(own) if part not in parts)
    return All((*parts, *added)) if added else outer


def _parts(rule: Access) -> tuple[Access, ...]:
    return rule.parts if isinstance(rule, All) else (rule,)
