"""What reaches the driver: every statement with its parameters."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import event

from fastness.db.engine import Database


@dataclass
class Recording:
    """The calls of the driver, in order."""

    calls: list[tuple[str, object]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [text for text, _ in self.calls]

    @property
    def values(self) -> str:
        return repr([values for _, values in self.calls])


@contextmanager
def recorded(database: Database) -> Iterator[Recording]:
    """Record what either engine of the database hands to its driver."""
    recording = Recording()

    def note(_connection, _cursor, statement, parameters, _context, _is_many):
        recording.calls.append((statement, parameters))

    engines = [database.read.sync_engine, database.write.sync_engine]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield recording
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
