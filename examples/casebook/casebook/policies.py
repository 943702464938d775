"""Who may do what. Each rule is one condition in SQL, and no page asks again: what it loads is what may be loaded.

An office is a tenant. Its owners and editors write, its readers read, and a colleague elsewhere gets at a single case
when it is shared with them.
"""

import uuid
from typing import ClassVar

from sqlalchemy import ColumnElement, exists, or_
from sqlalchemy.orm import InstrumentedAttribute, aliased

from casebook.models import Case, Duty, Fee, Member, Note, Office, Share, Status
from fastness import Actor, Policy

Condition = ColumnElement[bool]
OfficeID = InstrumentedAttribute[uuid.UUID]

WRITERS = (Duty.OWNER, Duty.EDITOR)


def works_at(office_id: OfficeID, actor: Actor, *duties: Duty) -> Condition:
    """Whether the actor works in the office, in one of the duties if any are named."""
    colleague = aliased(Member)
    condition = exists().where(colleague.office_id == office_id, colleague.user_id == actor.id)
    return condition.where(colleague.duty.in_(duties)) if duties else condition


class OfficePolicy(Policy[Office]):
    """Offices are made by the command line and by nobody else."""

    row_security = True

    def view(self, actor: Actor) -> Condition:
        """See its name: whoever works there, and whoever got a case of theirs to read."""
        return or_(
            works_at(Office.id, actor),
            exists().where(Case.office_id == Office.id, Share.case_id == Case.id, Share.user_id == actor.id),
        )

    def visit(self, actor: Actor) -> Condition:
        """See its page: whoever works there."""
        return works_at(Office.id, actor)

    def manage(self, actor: Actor) -> Condition:
        """Say who works there."""
        return works_at(Office.id, actor, Duty.OWNER)


class MemberPolicy(Policy[Member]):
    """Colleagues know each other; owners say who is one."""

    row_security = True

    def view(self, actor: Actor) -> Condition:
        """Everybody who works in the same office."""
        return works_at(Member.office_id, actor)

    def edit(self, actor: Actor) -> Condition:
        """Give another duty: the owners, but to themselves."""
        return works_at(Member.office_id, actor, Duty.OWNER) & (Member.user_id != actor.id)

    def delete(self, actor: Actor) -> Condition:
        """Let go: as for `edit`, so an office never loses its last owner."""
        return self.edit(actor)

    def create(self, actor: Actor) -> Condition:
        """Take in: as for `edit`."""
        return self.edit(actor)


class CasePolicy(Policy[Case]):
    """Cases belong to their office."""

    row_security = True

    writing: ClassVar[frozenset[str]] = frozenset({"edit"})

    def view(self, actor: Actor) -> Condition:
        """The office, and whom the case is shared with."""
        return or_(works_at(Case.office_id, actor), self._shared(actor))

    def comment(self, actor: Actor) -> Condition:
        """Write a note: while the case is not closed."""
        writers = or_(self.edit(actor), self._shared(actor, Share.may_write))
        return writers & (Case.status != Status.CLOSED)

    def edit(self, actor: Actor) -> Condition:
        """Go on with it, close it, share it."""
        return works_at(Case.office_id, actor, *WRITERS)

    def reopen(self, actor: Actor) -> Condition:
        """Open it again: the owners of its office."""
        return works_at(Case.office_id, actor, Duty.OWNER)

    def charge(self, actor: Actor) -> Condition:
        """Add a fee: while the case is not closed."""
        return self.edit(actor) & (Case.status != Status.CLOSED)

    def create(self, actor: Actor) -> Condition:
        """Open one: in an office that one writes for, and in one's own name."""
        return self.edit(actor) & (Case.owner_id == actor.id)

    def _shared(self, actor: Actor, *conditions: Condition | InstrumentedAttribute[bool]) -> Condition:
        return exists().where(Share.case_id == Case.id, Share.user_id == actor.id, *conditions)


class NotePolicy(Policy[Note]):
    """Notes are read with their case, and stay as they were written."""

    row_security = True

    writing: ClassVar[frozenset[str]] = frozenset()

    def view(self, actor: Actor) -> Condition:
        """Whoever may see the case."""
        return exists().where(Case.id == Note.case_id, CasePolicy().view(actor))

    def create(self, actor: Actor) -> Condition:
        """Whoever may write in the case, in their own name."""
        return exists().where(Case.id == Note.case_id, CasePolicy().comment(actor)) & (Note.author_id == actor.id)


class FeePolicy(Policy[Fee]):
    """Fees are read with their case. They are added and paid, never taken back."""

    row_security = True

    writing: ClassVar[frozenset[str]] = frozenset({"pay"})

    def view(self, actor: Actor) -> Condition:
        """Whoever may see the case."""
        return exists().where(Case.id == Fee.case_id, CasePolicy().view(actor))

    def create(self, actor: Actor) -> Condition:
        """Whoever may charge for the case."""
        return exists().where(Case.id == Fee.case_id, CasePolicy().charge(actor))

    def pay(self, actor: Actor) -> Condition:
        """Record that it was paid: whoever may change the case."""
        return exists().where(Case.id == Fee.case_id, CasePolicy().edit(actor))


class SharePolicy(Policy[Share]):
    """Who sees the case sees with whom it is shared; its office decides."""

    row_security = True

    writing: ClassVar[frozenset[str]] = frozenset({"delete"})

    def view(self, actor: Actor) -> Condition:
        """Whoever may see the case."""
        return exists().where(Case.id == Share.case_id, CasePolicy().view(actor))

    def create(self, actor: Actor) -> Condition:
        """Whoever may change the case."""
        return exists().where(Case.id == Share.case_id, CasePolicy().edit(actor))

    def delete(self, actor: Actor) -> Condition:
        """Whoever may share it."""
        return self.create(actor)
