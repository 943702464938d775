"""What a policy costs: one object loaded through its scope, beside the same SELECT written by hand, in the same session.

Run with `python -m bench.policies`. Both sides send the same SQL to SQLite and get the same object; they take turns, so that
whatever else the machine does meets both alike.
"""

import asyncio
import statistics
import tempfile
import uuid
from time import process_time_ns

from sqlalchemy import Column, ForeignKey, Table, or_, select
from sqlalchemy.orm import Mapped, relationship

from fastness import Model, Policy, PublicID
from fastness.authz.acting import acting_of, bind_actor, bind_unscoped
from fastness.authz.actors import Actor
from fastness.authz.objects import Objects
from fastness.db.engine import Database
from fastness.db.unit import Unit
from fastness.kernel.because import Because

ROUNDS = 40
LOADS = 100
GOAL = 1.2

members = Table(
    "bench_members",
    Model.metadata,
    Column("case_id", ForeignKey("bench_cases.id"), primary_key=True),
    Column("person_id", ForeignKey("bench_people.id"), primary_key=True),
)


class Person(Model):
    __tablename__ = "bench_people"
    id: Mapped[PublicID]
    name: Mapped[str]


class Case(Model):
    __tablename__ = "bench_cases"
    id: Mapped[PublicID]
    owner_id: Mapped[uuid.UUID]
    title: Mapped[str]
    members: Mapped[list[Person]] = relationship(secondary=members)


class CasePolicy(Policy[Case]):
    def view(self, actor):
        return or_(Case.owner_id == actor.id, Case.members.any(Person.id == actor.id))


def by_hand(key, actor):
    return select(Case).where(Case.id == key, or_(Case.owner_id == actor.id, Case.members.any(Person.id == actor.id)))


async def prepare(database, actor):
    async with database.write.begin() as connection:
        await connection.run_sync(Model.metadata.create_all, tables=[Person.__table__, Case.__table__, members])
    async with Unit(database, is_read_only=False) as unit:
        bind_unscoped(unit.session, Because("the rows of the benchmark"))
        cases = [Case(owner_id=actor.id, title=f"Case {number}") for number in range(LOADS)]
        unit.session.add_all(cases)
    return [case.id for case in cases]


async def timed(session, keys, load):
    start = process_time_ns()
    for key in keys:
        await load(key)
        session.expunge_all()
    return (process_time_ns() - start) / len(keys) / 1000


async def measure() -> tuple[float, float, float]:
    """Microseconds by hand, through the scope with a policy evaluated once a unit, and with it evaluated each time."""
    actor = Actor(id=uuid.uuid4())
    objects = Objects()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/bench.db")
        await database.open()
        keys = await prepare(database, actor)
        async with Unit(database, is_read_only=True) as unit:
            session = unit.session
            bind_actor(session, actor)
            reason = Because("what is compared with")

            async def hand(key):
                statement = by_hand(key, actor)
                return (await session.scalars(statement, execution_options={"unscoped": reason})).unique().one()

            async def through(key):
                return await objects.load(session, Case, key, actor)

            async def afresh(key):
                acting_of(session)._conditions.clear()  # noqa: SLF001 - as if each load were the first of its request
                return await objects.load(session, Case, key, actor)

            for load in (hand, through, afresh):
                await timed(session, keys, load)
            rounds = [[await timed(session, keys, load) for load in (hand, through, afresh)] for _ in range(ROUNDS)]
        await database.close()
    first, second, third = (statistics.median(column) for column in zip(*rounds, strict=True))
    return first, second, third


def main():
    hand, scoped, afresh = asyncio.run(measure())
    print(f"by hand                        {hand:7.1f} µs")
    print(f"request.load, policy known     {scoped:7.1f} µs   {scoped / hand:.2f}")
    print(f"request.load, first in a unit  {afresh:7.1f} µs   {afresh / hand:.2f}   (goal: {GOAL})")


if __name__ == "__main__":
    main()
