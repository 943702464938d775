"""Removes what has expired."""

import asyncio
import logging
from typing import Final

from fastness.auditlog.log import AuditLog
from fastness.kernel.errors import UnavailableError
from fastness.stores.store import Store

PURGE_SECONDS: Final = 600
_PURGE_AT_ONCE: Final = 1000
_LOG: Final = logging.getLogger("fastness.services")


async def keep_tidy(store: Store, audit: AuditLog | None) -> None:
    """Remove expired entries from the store and old events from the audit log, now and then."""
    while True:
        await asyncio.sleep(PURGE_SECONDS)
        try:
            await purge(store)
        except UnavailableError:
            _LOG.warning("the store is away; expired entries stay until the next round")
        if audit is not None:
            try:
                await audit.purge()
            except UnavailableError:
                _LOG.warning("the audit log is away; old events stay until the next round")


async def purge(store: Store) -> None:
    """Remove all expired entries, some at a time, so that other writes get their turn between."""
    while await store.purge_expired(_PURGE_AT_ONCE) >= _PURGE_AT_ONCE:
        pass
