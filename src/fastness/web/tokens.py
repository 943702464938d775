"""A request with an API token: the token alone says who is asking.

A token opens only routes that declare `tokens=True`, and never through a cookie beside it: a request that brings a token is not
the cookie's, so that nobody's browser lends its session to a program, and no form token is asked for, because no page can make a
browser send this header. A token of ours that comes to another route is refused there, but for public ones, where it counts for
nothing. Other people's bearer tokens are none of our business on routes that take none: a mounted app may have its own.

The address never holds a token (ASVS 5.0 V14.2.1); the header is the one place. V7.2.1, V16.3.1, V2.4.1.
"""

from typing import Final

from fastness.auth.token_rules import PREFIX, TokenReason
from fastness.kernel.events import EventName
from fastness.web.access import public
from fastness.web.exchange import Exchange
from fastness.web.ratelimit import count
from fastness.web.rates import per_minute
from fastness.web.recording import record
from fastness.web.refusals import TokenNotAcceptedError, TokenRefusedError

_SCHEME: Final = b"bearer "
_OURS: Final = PREFIX.encode()
WRONG_TOKENS: Final = per_minute(30).within("wrong-tokens")
"""How many wrong tokens one client may send: a program that was forgotten somewhere asks less often, a guesser more."""
_ENDED: Final = frozenset({TokenReason.EXPIRED, TokenReason.REVOKED, TokenReason.OWNER_CHANGED})
_CHALLENGE: Final = {"www-authenticate": 'Bearer error="invalid_token"'}
"""RFC 6750 §3.1."""


def bearer_token(exchange: Exchange) -> str | None:
    """The token that decides who is asking, if one came that is for us."""
    header = exchange.headers.get(b"authorization")
    if header is None or header[: len(_SCHEME)].lower() != _SCHEME:
        return None
    token = header[len(_SCHEME) :].strip()
    route = exchange.route
    if route is not None and not route.tokens and not token.startswith(_OURS):
        return None
    return token.decode("latin-1")


async def admit_token(exchange: Exchange, text: str) -> None:
    """Make the request that of the token's owner. Raises `TokenRefusedError` and `TokenNotAcceptedError`."""
    exchange.is_private = True
    route = exchange.route
    if route is None or not route.tokens:
        if route is None or route.access is public:
            return
        raise TokenNotAcceptedError("token_not_accepted", f"{route.name} does not say tokens=True.")
    site = exchange.site
    check = await site.check_token(text)
    if check.identity is None:
        reason = check.reason or TokenReason.UNKNOWN
        if reason in _ENDED:
            record(
                exchange, EventName.AUTHN_TOKEN_REUSE, reason, used_token=str(check.token_id), owner=str(check.user_id)
            )
        # Only what fails is counted, so that a right token never waits; whoever guesses is soon answered with 429.
        await count(exchange, WRONG_TOKENS)
        raise TokenRefusedError(reason, headers=_CHALLENGE)
    exchange.token_id = str(check.token_id)
    exchange.session = site.sessions.for_token(check.identity)
