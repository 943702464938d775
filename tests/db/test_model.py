import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import ForeignKey, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from fastness.db.errors import MissingLoadError, NaiveDatetimeError
from fastness.db.model import Model, PublicID, UTCDateTime, _relationships_never_load_by_themselves, load_options
from fastness.db.unit import Unit
from fastness.kernel.errors import ConfigError
from tests.db.models import Book, Shelf

TABLES = Model.metadata.tables


async def test_ids_are_random(database):
    async with Unit(database, is_read_only=False) as unit:
        shelves = [Shelf(name=str(number)) for number in range(3)]
        unit.session.add_all(shelves)
    assert {shelf.id.version for shelf in shelves} == {4}
    assert len({shelf.id for shelf in shelves}) == 3


async def test_the_id_is_known_before_the_flush_only_by_the_database():
    assert isinstance(Shelf.__table__.c.id.default.arg(None), uuid.UUID)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(datetime(2030, 1, 1, 12, 30, 15, 250, tzinfo=UTC), id="utc"),
        pytest.param(datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=-11))), id="far-west"),
        pytest.param(None, id="none"),
    ],
)
async def test_times_come_back_as_the_same_moment_in_utc(database, moment):
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Shelf(name="x", built_at=moment))
    async with Unit(database, is_read_only=True) as unit:
        found = await unit.session.scalar(select(Shelf.built_at))
    assert found == moment
    assert found is None or found.tzinfo is UTC


async def test_a_time_without_a_zone_is_refused(database):
    unit = Unit(database, is_read_only=False)
    unit.session.add(Shelf(name="x", built_at=datetime(2030, 1, 1)))  # noqa: DTZ001
    with pytest.raises(NaiveDatetimeError):
        await unit.session.flush()
    await unit.finish(500)


def test_every_datetime_of_a_model_is_one_of_ours():
    assert isinstance(Shelf.__table__.c.built_at.type, UTCDateTime)


def test_constraints_have_names_that_no_database_invented():
    assert {constraint.name for constraint in TABLES["test_db_books"].constraints} == {
        "pk_test_db_books",
        "fk_test_db_books_shelf_id_test_db_shelves",
    }
    assert "uq_test_db_shelves_name" in {constraint.name for constraint in TABLES["test_db_shelves"].constraints}


@pytest.mark.parametrize(
    ("model", "attribute"),
    [pytest.param(Shelf, "books", id="one-to-many"), pytest.param(Book, "shelf", id="many-to-one")],
)
@pytest.mark.parametrize("is_read_only", [pytest.param(True, id="read-only"), pytest.param(False, id="writing")])
async def test_a_relationship_that_was_not_loaded_raises_and_says_what_to_write(
    database, shelf_id, model, attribute, is_read_only
):
    async with Unit(database, is_read_only=is_read_only) as unit:
        item = (await unit.session.scalars(select(model).limit(1))).one()
        with pytest.raises(MissingLoadError) as refused:
            getattr(item, attribute)
    assert f"with_=[{model.__name__}.{attribute}]" in str(refused.value)


async def test_a_detached_row_raises_the_same(database, shelf_id):
    async with Unit(database, is_read_only=True) as unit:
        shelf = await unit.session.get_one(Shelf, shelf_id)
    with pytest.raises(MissingLoadError):
        _ = shelf.books


async def test_what_with_names_is_loaded(database, shelf_id):
    async with Unit(database, is_read_only=True) as unit:
        query = select(Shelf).options(*load_options([(Shelf.books, Book.shelf)]))
        shelf = (await unit.session.scalars(query)).one()
    assert [book.title for book in shelf.books] == ["a", "b"]
    assert shelf.books[0].shelf is shelf


async def test_a_new_row_may_be_built_with_its_relationships():
    shelf = Shelf(name="x")
    shelf.books.append(Book(title="t"))
    assert shelf.books[0].shelf is shelf


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(Shelf.name, id="column"),
        pytest.param("books", id="text"),
        pytest.param(Shelf, id="model"),
        pytest.param((), id="empty-way"),
        pytest.param((Shelf.books, Book.title), id="column-at-the-end"),
    ],
)
def test_with_takes_relationships_only(entry):
    with pytest.raises(ConfigError):
        load_options([entry])


def test_no_with_means_no_options():
    assert load_options([]) == ()


def test_a_loader_that_was_chosen_is_kept_and_a_backref_refused():
    # A base with a registry of its own, so that the broken model stays out of the other tests.
    class Local(DeclarativeBase):
        pass

    event.listen(Local, "before_mapper_configured", _relationships_never_load_by_themselves, propagate=True)

    class Parent(Local):
        __tablename__ = "test_db_parents"
        id: Mapped[PublicID]
        eager: Mapped[list["Child"]] = relationship(lazy="selectin", viewonly=True)
        hidden: Mapped[list["Child"]] = relationship(backref="parent")

    class Child(Local):
        __tablename__ = "test_db_children"
        id: Mapped[PublicID]
        parent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("test_db_parents.id"))

    with pytest.raises(ConfigError, match="back_populates"):
        Local.registry.configure()
    assert Parent.__mapper__._props["eager"].lazy == "selectin"
    assert Child.__tablename__
    Local.registry.dispose()
