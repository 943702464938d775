"""Removes what has expired."""

import asyncio
from typing import Final

from fastness.auditlog.log import AuditLog
from fastness.kernel.jobs import Job, run_jobs
from fastness.stores.store import Store

PURGE_SECONDS: Final = 600
_PURGE_AT_ONCE: Final = 1000


async def keep_tidy(store: Store, audit: AuditLog | None, *, seconds: float = PURGE_SECONDS) -> None:
    """Remove expired entries from the store and old events from the audit log, now and then; what fails has its next turn."""
    jobs = [Job(name="expired entries of the store", seconds=seconds, run=lambda: purge(store))]
    if audit is not None:
        jobs.append(Job(name="old events of the audit log", seconds=seconds, run=audit.purge))
    # Not while everything else starts.
    await asyncio.sleep(seconds)
    await run_jobs(jobs)


async def purge(store: Store) -> None:
    """Remove all expired entries, some at a time, so that other writes get their turn between."""
    while await store.purge_expired(_PURGE_AT_ONCE) >= _PURGE_AT_ONCE:
        pass
