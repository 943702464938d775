"""The pool of connections of both databases: waiting ends, and with an answer that says so.

ASVS 5.0: V13.1.2 (connection limits and what happens at them).
"""

from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from fastness.db.errors import DatabaseBusyError


class Pool(AsyncAdaptedQueuePool):
    """The queue pool, with a 503 instead of an error nobody maps when no connection comes free in time.

    What comes back after the pool was disposed of is closed: nobody would look for it here again.
    """

    _is_disposed = False

    def dispose(self) -> None:
        self._is_disposed = True
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        if self._is_disposed:
            record.close()
        else:
            super()._do_return_conn(record)

    def _do_get(self) -> ConnectionPoolEntry:
        try:
            return super()._do_get()
        except PoolTimeoutError:
            raise DatabaseBusyError(
                "no database connection came free within queue_seconds (a request that holds a writing unit and opens "
                "a second one waits for itself)"
            ) from None
