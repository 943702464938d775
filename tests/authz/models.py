"""A small office: people, their cases with notes and members, and papers of two kinds; all but the people are guarded."""

import uuid

from sqlalchemy import Column, ColumnElement, ForeignKey, Table, or_
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


class Person(Model):
    __tablename__ = "guarded_people"

    id: Mapped[PublicID]
    name: Mapped[str]
    cases: Mapped[list["Case"]] = relationship(back_populates="owner")


class Case(Model):
    __tablename__ = "guarded_cases"

    id: Mapped[PublicID]
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("guarded_people.id"))
    title: Mapped[str]
    is_open: Mapped[bool] = mapped_column(default=True)
    owner: Mapped[Person] = relationship(back_populates="cases")
    members: Mapped[list[Person]] = relationship(secondary=guarded_members)
    notes: Mapped[list["Note"]] = relationship(back_populates="case", cascade="all, delete-orphan")


class Note(Model):
    __tablename__ = "guarded_notes"

    id: Mapped[PublicID]
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("guarded_cases.id"))
    text: Mapped[str]
    case: Mapped[Case] = relationship(back_populates="notes")


class Paper(Model):
    __tablename__ = "guarded_papers"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "paper"}  # noqa: RUF012 - SQLAlchemy reads it once

    id: Mapped[PublicID]
    kind: Mapped[str]
    owner_id: Mapped[uuid.UUID]
    name: Mapped[str]


class Contract(Paper):
    __tablename__ = "guarded_contracts"
    __mapper_args__ = {"polymorphic_identity": "contract"}  # noqa: RUF012 - SQLAlchemy reads it once

    id: Mapped[uuid.UUID] = mapped_column(ForeignKey("guarded_papers.id"), primary_key=True)
    amount: Mapped[int]


class Shelf(Model):
    """Not guarded itself; its papers come along without being asked for."""

    __tablename__ = "guarded_shelves"

    id: Mapped[PublicID]
    label: Mapped[str]
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("guarded_cases.id"))
    case: Mapped[Case] = relationship(lazy="joined")


class CasePolicy(Policy[Case]):
    writing = frozenset({"edit", "share", "delete"})

    def view(self, actor: Actor) -> ColumnElement[bool]:
        return or_(Case.owner_id == actor.id, Case.members.any(Person.id == actor.id))

    def edit(self, actor: Actor) -> ColumnElement[bool]:
        return Case.owner_id == actor.id

    def comment(self, actor: Actor) -> ColumnElement[bool]:
        return self.view(actor) & Case.is_open

    def share(self, actor: Actor) -> ColumnElement[bool]:
        return self.edit(actor)

    def delete(self, actor: Actor) -> ColumnElement[bool]:
        return self.edit(actor)

    def create(self, actor: Actor) -> ColumnElement[bool]:
        return self.edit(actor)


class NotePolicy(Policy[Note]):
    def view(self, actor: Actor) -> ColumnElement[bool]:
        return Note.case.has(CasePolicy().view(actor))

    def edit(self, actor: Actor) -> ColumnElement[bool]:
        return Note.case.has(CasePolicy().edit(actor))

    def delete(self, actor: Actor) -> ColumnElement[bool]:
        return self.edit(actor)

    def create(self, actor: Actor) -> ColumnElement[bool]:
        return Note.case.has(CasePolicy().comment(actor))


class PaperPolicy(Policy[Paper]):
    def view(self, actor: Actor) -> ColumnElement[bool]:
        return Paper.owner_id == actor.id

    def edit(self, actor: Actor) -> ColumnElement[bool]:
        return self.view(actor)


TABLES = [model.__table__ for model in (Person, Case, Note, Paper, Contract, Shelf)] + [guarded_members]
