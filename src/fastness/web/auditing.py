"""No acknowledgement without a trace: a response waits until the events of its request are kept.

Asked only where some request has events that are not kept yet. Where they cannot be kept, and one of them belongs to
authentication or privilege, the answer is 503 and carries no cookie: a session that was just made stays unknown to everybody,
and one that was ended stays ended. What the handler committed is committed; the log line of each event was written before.
ASVS 5.0 V16.5.3, V16.5.4.
"""

from fastness.auditlog.errors import AuditUnavailableError
from fastness.auditlog.log import AuditLog
from fastness.web.exchange import Exchange


async def settle_events(exchange: Exchange, audit: AuditLog) -> None:
    """Wait for the request's events; raises `AuditUnavailableError`, once, where they are needed and cannot be kept."""
    mark = audit.mark_of(exchange.request_id)
    if mark is None or exchange.has_missed_events:
        return
    if audit.is_broken and not mark.is_serious:
        return
    try:
        await audit.flush(mark)
    except AuditUnavailableError:
        if mark.is_serious:
            audit.forget(exchange.request_id)
            exchange.has_missed_events = True
            exchange.response_headers = None
            raise
