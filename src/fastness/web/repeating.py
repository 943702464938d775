"""A request that the database undid is answered by a second try, where that is safe.

PostgreSQL undoes one of two transactions that changed the same rows, and a connection may break at any moment. The work may
then be done again if nothing of the first try is left: no byte of a response was sent, the transaction is gone, the session
has not been changed, and the body was read whole, so that it can be read again. What the handler did elsewhere (a mail, a call
to another service) cannot be seen from here. So only reading requests are repeated, and those whose route says that a second
run does no harm: `idempotent=True`. Everything else answers 503, and the visitor decides.

Once, not for ever: rows that everybody changes stay contested, and each try costs as much as the first.

ASVS 5.0: V2.3.3 (as a whole or not at all), V15.4.3, V13.1.3 (what happens when a service is away).
"""

import logging
from typing import Final

from starlette.datastructures import UploadFile

from fastness.db.errors import DatabaseLostError, TransactionConflictError
from fastness.web.exchange import Exchange, Finisher
from fastness.web.requests import Request

REPEATABLE: Final = (TransactionConflictError, DatabaseLostError)
"""Errors after which the transaction is gone; a second one may succeed."""
_FAILED: Final = 500
_LOG: Final = logging.getLogger("fastness.web")


class Checkpoint:
    """How an exchange stood before its handler ran."""

    __slots__ = ("finishers", "headers", "is_private", "session")

    def __init__(self, exchange: Exchange) -> None:
        finishers, headers = exchange.finishers, exchange.response_headers
        self.finishers: list[Finisher] | None = None if finishers is None else finishers[:]
        self.headers = None if headers is None else headers[:]
        self.session = exchange.session
        self.is_private = exchange.is_private

    async def restore(self, request: Request) -> None:
        """Forget the first try."""
        exchange = request.exchange
        await exchange.unit.finish(_FAILED)
        exchange.unit = None
        exchange.finishers = self.finishers
        exchange.response_headers = self.headers
        exchange.session = self.session
        exchange.is_private = self.is_private
        for _, value in request.read_pairs():
            if isinstance(value, UploadFile):
                value.file.seek(0)
        _LOG.info("a request was repeated: the database had undone its first try")


def may_repeat(request: Request) -> bool:
    """Whether nothing of the first try is left, and a second one does no harm."""
    exchange = request.exchange
    unit, route, session = exchange.unit, exchange.route, exchange.session
    if exchange.has_started or unit is None or route is None:
        return False
    if not (unit.is_read_only or route.idempotent):
        return False
    if session is not None and session.is_changed:
        return False
    return exchange.received_body_bytes == 0 or request.has_read_whole_body
