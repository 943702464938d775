"""Who acts, as policies see it.

An actor is made from the identity in the session, never from the request's input. Somebody who is not signed in acts as
`ANONYMOUS`, whose id is the nil UUID: no row has it, so a condition such as `Case.owner_id == actor.id` finds nothing,
whereas a comparison with `None` would become `IS NULL` and find what belongs to nobody. Code without a person behind it (a
command, a worker) is no actor: it says `unscoped=Because("…")`.

ASVS 5.0: V8.2.2 (data-specific access), V8.3.1.
"""

from typing import Final
from uuid import UUID

from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who acts."""

    id: UUID
    """The user's id; the nil UUID for somebody who is not signed in."""
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    is_superuser: bool = False
    """Whether they hold the role that passes every policy; its use is written in the security events."""
    is_anonymous: bool = False

    def may(self, permission: str) -> bool:
        """Whether they hold the permission, by whatever way, or are a superuser."""
        return self.is_superuser or permission in self.permissions


ANONYMOUS: Final = Actor(id=UUID(int=0), is_anonymous=True)
