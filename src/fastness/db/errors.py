"""What the database part refuses, and what it says then.

    FastnessError
    ├── ReadOnlyError        a write during a GET or HEAD request
    ├── ClosedUnitError      the unit of work was used after its end
    ├── MissingLoadError     a relationship was touched that nobody loaded
    ├── NaiveDatetimeError   a point in time without a time zone
    ├── MigrationError       the migration folder does not fit the command
    ├── OutdatedSchemaError  the database has no such table or column
    ├── NotLiteralError      SQL that was put together where a literal is asked for
    ├── BuiltSQLError        a statement with a textual piece that sql() did not make
    ├── InvalidInputError
    │   └── UnknownChoiceError  a name from a request that was not declared
    └── UnavailableError
        ├── DatabaseBusyError          another writer held the database for too long
        ├── DatabaseLostError          the connection to the database broke, or could not be made
        └── TransactionConflictError   another transaction changed the same rows, and this one was undone

Those directly below the root are mistakes of the app's author: the visitor sees the generic page, the author reads the
detail, which names the fix. No detail holds a value from a row or a request.
"""

from typing import Final

from fastness.kernel.errors import FastnessError, InvalidInputError, UnavailableError
from fastness.kernel.texts import Text

OUTDATED_HELP: Final = (
    "Run `fastness db upgrade`; for a model that is new, write its migration first with `fastness db revision`"
)
READ_ONLY_HELP: Final = (
    "this request was answered by a read-only unit of work: GET and HEAD may not write. Move the write to a POST "
    'route or, where a protocol demands it, declare insecure_write_on_get=Because("…") on the route'
)


class ReadOnlyError(FastnessError):
    """A write was tried in a read-only unit of work (RFC 9110 §9.2.1: GET and HEAD are safe methods)."""

    code = "read_only"
    status = 500


class ClosedUnitError(FastnessError):
    """The session of a unit of work was used after the response had been decided."""

    code = "closed_unit"
    status = 500


class MissingLoadError(FastnessError):
    """A relationship was read that the query did not load."""

    code = "missing_load"
    status = 500


class NaiveDatetimeError(FastnessError):
    """A datetime without a time zone was given to a column that holds points in time."""

    code = "naive_datetime"
    status = 500


class MigrationError(FastnessError):
    """The migrations found do not allow what was asked."""

    code = "migration"
    status = 500


class OutdatedSchemaError(FastnessError):
    """A statement names a table or a column that the database does not have (yet)."""

    code = "outdated_schema"
    status = 500


class NotLiteralError(FastnessError):
    """A text given to sql() or sql_fragment() is not a literal of the calling function."""

    code = "not_literal"
    status = 500


class BuiltSQLError(FastnessError):
    """A statement holds text, or a name, that may have been put together from input."""

    code = "built_sql"
    status = 500


class UnknownChoiceError(InvalidInputError):
    """A request names a sort key, a filter's choice or an identifier that was not declared."""

    code = "unknown_choice"
    public: str = Text("This choice does not exist.")


class DatabaseBusyError(UnavailableError):
    """The database stayed locked, or the pool empty, for longer than the rules allow."""

    code = "database_busy"
    status = 503


class DatabaseLostError(UnavailableError):
    """The connection to the database broke, or could not be made."""

    code = "database_lost"
    status = 503


class TransactionConflictError(UnavailableError):
    """Another transaction changed the same rows at the same time; this one was undone as a whole and may be repeated."""

    code = "transaction_conflict"
    status = 503
