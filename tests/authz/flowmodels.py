"""Orders that are sent once they have lines, paid, and taken back by their owner; what nobody pays is due."""

import uuid
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, exists
from sqlalchemy.orm import Mapped, mapped_column

from fastness import Model, PublicID, Transition, Workflow
from fastness.authz.actors import Actor
from fastness.authz.policies import Policy


class Stage(StrEnum):
    DRAFT = "draft"
    SENT = "sent"
    PAID = "paid"


class Order(Model):
    __tablename__ = "flow_orders"

    id: Mapped[PublicID]
    owner_id: Mapped[uuid.UUID]
    clerk_id: Mapped[uuid.UUID]
    stage: Mapped[str]
    label: Mapped[str] = mapped_column(default="")


class Line(Model):
    __tablename__ = "flow_lines"

    id: Mapped[PublicID]
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("flow_orders.id"))


class OrderPolicy(Policy[Order]):
    def view(self, actor: Actor) -> ColumnElement[bool]:
        return (Order.owner_id == actor.id) | (Order.clerk_id == actor.id)

    def edit(self, actor: Actor) -> ColumnElement[bool]:
        return self.view(actor)

    def create(self, actor: Actor) -> ColumnElement[bool]:
        return Order.owner_id == actor.id

    def collect(self, actor: Actor) -> ColumnElement[bool]:
        return Order.clerk_id == actor.id


class LinePolicy(Policy[Line]):
    def view(self, actor: Actor) -> ColumnElement[bool]:
        return exists().where(Order.id == Line.order_id, Order.owner_id == actor.id)


def has_lines() -> ColumnElement[bool]:
    return exists().where(Line.order_id == Order.id)


class OrderFlow(Workflow[Order]):
    column = "stage"
    initial = Stage.DRAFT

    send = Transition(Stage.DRAFT, to=Stage.SENT, when=has_lines, must="An order needs at least one line.")
    pay = Transition(Stage.SENT, to=Stage.PAID, may="collect")
    take_back = Transition(Stage.SENT, Stage.PAID, to=Stage.DRAFT)


class Packet(Model):
    """Its state's column is not called as the attribute is, and orders are of a kind."""

    __tablename__ = "flow_packets"

    id: Mapped[PublicID]
    owner_id: Mapped[uuid.UUID]
    kind: Mapped[str] = mapped_column(default="parcel")
    stage: Mapped[str] = mapped_column("state_of_it", key="state_key")
    label: Mapped[str] = mapped_column(default="")

    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "parcel"}  # noqa: RUF012 - SQLAlchemy reads it once


class Letter(Packet):
    __mapper_args__ = {"polymorphic_identity": "letter"}  # noqa: RUF012 - SQLAlchemy reads it once


class PacketPolicy(Policy[Packet]):
    def view(self, actor: Actor) -> ColumnElement[bool]:
        return Packet.owner_id == actor.id

    def edit(self, actor: Actor) -> ColumnElement[bool]:
        return self.view(actor)

    def create(self, actor: Actor) -> ColumnElement[bool]:
        return self.view(actor)


class PacketFlow(Workflow[Packet]):
    column = "stage"
    initial = Stage.DRAFT

    send = Transition(Stage.DRAFT, to=Stage.SENT)


TABLES = [model.__table__ for model in (Order, Line, Packet)]
