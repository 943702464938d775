"""Reads tables of another program's database: once, as they are at one moment, and without writing a byte.

For taking data over. A SQLite file is opened read-only, so that not even its journal mode changes; on PostgreSQL the whole is one
read-only transaction. The statements come from code, never from anybody's input, and what was read is somebody else's data: it is
checked like any input by whoever asked for it.

ASVS 5.0: V13.2.2 (least privilege), V1.2.4 (no values in the text of statements).
"""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, LiteralString

from fastness.db.address import is_postgres_url, parse_postgres_address
from fastness.kernel.errors import ConfigError, UnavailableError

_SQLITE: Final = "sqlite:///"

Row = Mapping[str, object]


async def read_tables(url: str, statements: Sequence[LiteralString]) -> list[list[Row]]:
    """The rows of each statement.

    Raises:
        ConfigError: the address is none, or there is no such file.
        ForeignDatabaseError: the database does not answer, or has no such tables.
    """
    if is_postgres_url(url):
        return await _read_postgres(url, statements)
    if url.startswith(_SQLITE):
        return _read_sqlite(Path(url.removeprefix(_SQLITE)), statements)
    raise ConfigError("the address must begin with sqlite:/// or postgresql://")


class ForeignDatabaseError(UnavailableError):
    """The other database cannot be read."""

    code = "foreign_database"


def _read_sqlite(path: Path, statements: Sequence[LiteralString]) -> list[list[Row]]:
    if not path.is_file():
        raise ConfigError(f"there is no file {str(path)!r}")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("BEGIN")
            return [[dict(row) for row in connection.execute(statement)] for statement in statements]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise ForeignDatabaseError(f"the database cannot be read: {error}") from None


async def _read_postgres(url: str, statements: Sequence[LiteralString]) -> list[list[Row]]:
    try:
        # The driver is an extra.
        from fastness.db.driver import DRIVER_ERRORS, connect  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ConfigError('PostgreSQL needs its driver: pip install "fastness[postgres]".') from None
    try:
        connection = await connect(parse_postgres_address(url), {"default_transaction_read_only": "on"})
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return [[dict(row) for row in await connection.fetch(statement)] for statement in statements]
        finally:
            await connection.close()
    except DRIVER_ERRORS as error:
        raise ForeignDatabaseError(f"the database cannot be read: {type(error).__name__}") from None
