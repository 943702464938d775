"""Security events with the request they belong to (ASVS 5.0 V16.2.1: when, where, who, what)."""

import uuid
from dataclasses import replace

from fastness.kernel.events import EventName, SecurityEvent
from fastness.web.exchange import Exchange


def request_id(exchange: Exchange) -> str:
    """The id that page, log line and event of this request share; made on first use."""
    if not exchange.request_id:
        exchange.request_id = uuid.uuid4().hex
    return exchange.request_id


def record(exchange: Exchange, name: EventName, reason: str, **detail: str) -> None:
    """Write one event about this request. `detail` is for short facts, never for what the visitor typed."""
    session = exchange.session
    identity = session.identity if session is not None else None
    route = exchange.route
    exchange.site.events.emit(
        SecurityEvent(
            name=name,
            at=exchange.site.clock.now(),
            reason=reason,
            request_id=request_id(exchange),
            client_ip=exchange.client_ip,
            user_id="" if identity is None else str(identity.id),
            method=exchange.method,
            route="" if route is None else route.name,
            detail={**detail, "token_id": exchange.token_id} if exchange.token_id else detail,
        )
    )


def record_superuser(exchange: Exchange, used_for: str) -> None:
    """Write, once for each request, that somebody could do something by being a superuser only."""
    if not exchange.has_told_superuser:
        exchange.has_told_superuser = True
        record(exchange, EventName.AUTHZ_ADMIN, "superuser", used_for=used_for)


class RequestSink:
    """Takes events of the parts below, which know no request, and adds what is known about it."""

    __slots__ = ("exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def emit(self, event: SecurityEvent) -> None:
        """Write the event with this request's address, id and route."""
        exchange = self.exchange
        route = exchange.route
        exchange.site.events.emit(
            replace(
                event,
                request_id=request_id(exchange),
                client_ip=exchange.client_ip,
                method=exchange.method,
                route="" if route is None else route.name,
            )
        )
