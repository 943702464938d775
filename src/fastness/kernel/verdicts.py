"""What a decision answers: `ALLOW`, or `Deny` with a reason.

A decision never answers with a bool. A bool invites `if not denied(...)` and loses the reason that the log needs; and a
string or `None` is truthy or falsy by accident. Both verdicts refuse to be used as a bool, so the only way to write the
gate is the one that fails closed on anything unexpected:

    if verdict is not ALLOW:
        refuse(verdict.reason)

ASVS 5.0: V8.3.1 (decisions enforced at a trusted layer), V16.3.2 (refusals are logged, with reason).
"""

from enum import StrEnum
from typing import Final, NoReturn, TypeAlias, final

from fastness.kernel.values import dataclass


@final
class Allow:
    """The verdict that lets pass. There is one instance, `ALLOW`; compare with `is`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ALLOW"

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict is not a bool: write `if verdict is not ALLOW`")


@final
@dataclass(frozen=True, slots=True)
class Deny:
    """The verdict that refuses."""

    reason: StrEnum
    """The stable code of the rule that refused; goes to the log, not to the visitor."""

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict is not a bool: write `if verdict is not ALLOW`")


ALLOW: Final = Allow()

Verdict: TypeAlias = Allow | Deny
