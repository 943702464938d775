"""A small office: people, their cases with notes and members, and papers of two kinds; all but the first two are guarded."""

import uuid

from sqlalchemy import Column, ColumnElement, ForeignKey, Table, or_, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fastness import Model, PublicID
from fastness.authz.actors import Actor
from fastness.authz.policies import Policy

guarded_members = Table(
    "guarded_members",
    Model.metadata,
    Column("case_id", ForeignKey("guarded_cases.id"), primary_key=True),
    Column("person_id", ForeignKey("guarded_people.id"), primary_key=True),
)

guarded_labellings = Table(
    "guarded_labellings",
    Model.metadata,
    Column("paper_id", ForeignKey("guarded_papers.id"), primary_key=True),
    Column("label_id", ForeignKey("guarded_labels.id"), primary_key=True),
)


class Person(Model):
    __tablename__ = "guarded_people"

    id: Mapped[PublicID]
    name: Mapped[str]
    cases: Mapped[list["Dossier"]] = relationship(back_populates="owner")
    joined: Mapped[list["Dossier"]] = relationship(secondary=guarded_members, back_populates="members")


class Plain(Model):
    """No policy: tests declare theirs."""

    __tablename__ = "guarded_plain"

    id: Mapped[PublicID]
    owner_id: Mapped[uuid.UUID]


class Dossier(Model):
    __tablename__ = "guarded_cases"

    id: Mapped[PublicID]
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("guarded_people.id"))
    title: Mapped[str]
    is_open: Mapped[bool] = mapped_column(default=True)
    owner: Mapped[Person] = relationship(back_populates="cases")
    members: Mapped[list[Person]] = relationship(secondary=guarded_members, back_populates="joined")
    notes: Mapped[list["Remark"]] = relationship(back_populates="case", cascade="all, delete-orphan")


class Remark(Model):
    __tablename__ = "guarded_notes"

    id: Mapped[PublicID]
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("guarded_cases.id"))
    text: Mapped[str]
    case: Mapped[Dossier] = relationship(back_populates="notes")


class Paper(Model):
    __tablename__ = "guarded_papers"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "paper"}  # noqa: RUF012 - SQLAlchemy reads it once

    id: Mapped[PublicID]
    kind: Mapped[str]
    owner_id: Mapped[uuid.UUID]
    name: Mapped[str]
    labels: Mapped[list["Label"]] = relationship(secondary=guarded_labellings, back_populates="papers")


class Label(Model):
    """Everybody may use those that are there."""

    __tablename__ = "guarded_labels"

    id: Mapped[PublicID]
    text: Mapped[str]
    papers: Mapped[list[Paper]] = relationship(secondary=guarded_labellings, back_populates="labels")


class Contract(Paper):
    __tablename__ = "guarded_contracts"
    __mapper_args__ = {"polymorphic_identity": "contract"}  # noqa: RUF012 - SQLAlchemy reads it once

    id: Mapped[uuid.UUID] = mapped_column(ForeignKey("guarded_papers.id"), primary_key=True)
    amount: Mapped[int]


class Drawer(Model):
    """Not guarded itself; its papers come along without being asked for."""

    __tablename__ = "guarded_shelves"

    id: Mapped[PublicID]
    label: Mapped[str]
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("guarded_cases.id"))
    case: Mapped[Dossier] = relationship(lazy="joined")


class DossierPolicy(Policy[Dossier]):
    writing = frozenset({"edit", "share", "delete"})

    def view(self, actor: Actor) -> ColumnElement[bool]:
        return or_(Dossier.owner_id == actor.id, Dossier.members.any(Person.id == actor.id))

    def edit(self, actor: Actor) -> ColumnElement[bool]:
        return Dossier.owner_id == actor.id

    def comment(self, actor: Actor) -> ColumnElement[bool]:
        return self.view(actor) & Dossier.is_open

    def share(self, actor: Actor) -> ColumnElement[bool]:
        return self.edit(actor)

    def delete(self, actor: Actor) -> ColumnElement[bool]:
        return self.edit(actor)

    def create(self, actor: Actor) -> ColumnElement[bool]:
        return self.edit(actor)


class RemarkPolicy(Policy[Remark]):
    def view(self, actor: Actor) -> ColumnElement[bool]:
        return Remark.case.has(DossierPolicy().view(actor))

    def edit(self, actor: Actor) -> ColumnElement[bool]:
        return Remark.case.has(DossierPolicy().edit(actor))

    def delete(self, actor: Actor) -> ColumnElement[bool]:
        return self.edit(actor)

    def create(self, actor: Actor) -> ColumnElement[bool]:
        return Remark.case.has(DossierPolicy().comment(actor))


class PaperPolicy(Policy[Paper]):
    def view(self, actor: Actor) -> ColumnElement[bool]:
        return Paper.owner_id == actor.id

    def edit(self, actor: Actor) -> ColumnElement[bool]:
        return self.view(actor)


class LabelPolicy(Policy[Label]):
    def view(self, actor: Actor) -> ColumnElement[bool]:
        return true()


MODELS = (Person, Plain, Dossier, Remark, Paper, Contract, Drawer, Label)
TABLES = [*(model.__table__ for model in MODELS), guarded_members, guarded_labellings]
