"""What the database part refuses, and what it says then.

    FastnessError
    ├── ReadOnlyError        a write during a GET or HEAD request
    ├── ClosedUnitError      the unit of work was used after its end
    ├── MissingLoadError     a relationship was touched that nobody loaded
    ├── NaiveDatetimeError   a point in time without a time zone
    ├── MigrationError       the migration folder does not fit the command
    └── UnavailableError
        └── DatabaseBusyError   another writer held the database for too long

The first five are mistakes of the app's author: the visitor sees the generic page, the author reads the detail, which
names the fix. No detail holds a value from a row or a request.
"""

from fastness.kernel.errors import FastnessError, UnavailableError


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


class DatabaseBusyError(UnavailableError):
    """The database stayed locked, or the pool empty, for longer than the rules allow."""

    code = "database_busy"
    status = 503
