"""Where a request comes from, as what signs people in asks for it."""

from fastness.auth.callers import Caller
from fastness.web.contexts import present_context
from fastness.web.devices import device_cookie_of
from fastness.web.exchange import Exchange
from fastness.web.recording import request_id


def caller_of(exchange: Exchange) -> Caller:
    """Who tries something with this request."""
    route = exchange.route
    return Caller(
        request_id=request_id(exchange),
        client_ip=exchange.client_ip,
        method=exchange.method,
        route="" if route is None else route.name,
        device=device_cookie_of(exchange),
        browser=present_context(exchange).label,
    )
