"""The base class of all models: random public ids, points in time in UTC, no hidden queries.

Protects against ids that can be counted (a random id never replaces the check of who may see the row, it only gives
the attacker nothing to start from), against times that mean something else on another machine, and against the query
nobody wrote: a relationship that was not loaded raises and names the `with_=[…]` that is missing, instead of loading
row by row. The app's author is trusted; the visitor sees only ids. Which row somebody may see is the policies'
subject, not this file's.

ASVS 5.0: V16.2.2 (times in UTC), V15.2.2 (no request that multiplies its own work).
"""

import enum
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

from sqlalchemy import DateTime, Dialect, Enum, MetaData, Uuid, event
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    Mapper,
    RelationshipProperty,
    mapped_column,
    selectinload,
)
from sqlalchemy.orm.interfaces import ORMOption
from sqlalchemy.types import TypeDecorator

from fastness.db.columns import SecretText
from fastness.db.errors import NaiveDatetimeError
from fastness.db.loading import RAISE_AND_NAME
from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.kernel.tokens import random_id

# Constraints get names that do not depend on the database, so that a migration can drop them on every database.
NAMING_CONVENTION = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(TypeDecorator[datetime]):
    """A point in time: aware datetimes in, UTC out; a naive one raises NaiveDatetimeError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise NaiveDatetimeError("a datetime has no time zone; use the clock's now(), or datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        # SQLite stores no time zone: what comes back is what process_bind_param wrote, UTC.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


PublicID: TypeAlias = Annotated[uuid.UUID, mapped_column(primary_key=True, default=random_id, sort_order=-100)]
"""A primary key that nobody can guess or count: a random UUID (version 4), safe to show in an address."""


ENUM_LENGTH: Final = 64
"""Of the longest name that a member may have; the same for all, so that another member is no change of the table."""


class Model(DeclarativeBase):
    """The class every table of an app derives from."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it once, at class creation
        uuid.UUID: Uuid(),
        datetime: UTCDateTime(),
        Secret: SecretText(),
        # Its names as texts, on every database: a type of its own in PostgreSQL would have to be made, and altered with each new
        # member, by statements that no migration is written with.
        enum.Enum: Enum(enum.Enum, native_enum=False, length=ENUM_LENGTH),
    }


def load_options(with_: Iterable[object]) -> tuple[ORMOption, ...]:
    """Turn `with_=[Case.notes, (Case.notes, Note.author)]` into loader options: one more SELECT for each relationship.

    Raises:
        ConfigError: an entry is not a relationship.
    """
    return tuple(_load_option(entry if isinstance(entry, tuple) else (entry,)) for entry in with_)


def _load_option(path: tuple[object, ...]) -> ORMOption:
    option = None
    for attribute in path:
        if not isinstance(attribute, InstrumentedAttribute) or not isinstance(attribute.property, RelationshipProperty):
            raise ConfigError(
                "with_=[…] takes relationships, such as Case.notes, or a tuple for a longer way, such as "
                "(Case.notes, Note.author)"
            )
        option = selectinload(attribute) if option is None else option.selectinload(attribute)
    if option is None:
        raise ConfigError("with_=[…] holds an empty tuple")
    return option


@event.listens_for(Model, "before_mapper_configured", propagate=True)
def _relationships_never_load_by_themselves(mapper: Mapper[Model], _class: type[Model]) -> None:
    """Give every relationship that asks for nothing else the loader that raises with a helpful message."""
    for prop in mapper.iterate_properties:
        if not isinstance(prop, RelationshipProperty):
            continue
        if prop.backref is not None:
            # A backref is made after this event, so it would keep SQLAlchemy's loading default unseen.
            raise ConfigError(f"{prop} uses backref; declare both sides and name each other with back_populates")
        if prop.lazy in ("select", "raise", "raise_on_sql", True):
            prop.lazy = RAISE_AND_NAME  # type: ignore[assignment]
            prop.strategy_key = (("lazy", RAISE_AND_NAME),)
