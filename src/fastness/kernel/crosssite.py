"""Was this request sent by our own pages? (cross-site request forgery, cross-site WebSocket hijacking)

The attack: the visitor is signed in here and opens https://evil.example, whose page submits a form, calls `fetch` or
opens a WebSocket to us. The browser adds our cookies (SameSite=Lax stops most of it, but not from a sibling
subdomain, not in the first two minutes of a cookie without the attribute, and not in old browsers). What the page
cannot do is write the headers that the browser adds about itself, and those decide:

1. GET, HEAD and OPTIONS pass: they change nothing here, that is the rule for handlers.
2. `Sec-Fetch-Site` (W3C Fetch Metadata §2.3): "same-origin" and "none" (typed, bookmarked, restored) pass; anything
   else, "same-site" and values nobody knows included, only from a declared origin.
3. Browsers without it: `Origin` (RFC 6454 §7) must be ours or declared; "null" and what cannot be parsed is refused.
4. Neither header: no browser of the last years sends that with a POST. It passes without a session cookie; with one
   it is refused as `NO_ORIGIN_WITH_COOKIE`, the only reason that a valid form token may lift.

A WebSocket handshake is a GET that counts as unsafe, since no same-origin policy guards what it opens. Chromium sends
no `Sec-Fetch-*` with it, so one that carries a session cookie needs an equal `Origin` whatever else it says.

Trusted is the browser. Not covered: a page of our own origin that was taken over (XSS), and handlers that write on
GET. ASVS 5.0: V3.5.1, V3.5.2, V3.5.3, V4.4.2.
"""

from dataclasses import field
from enum import StrEnum
from typing import Final

from fastness.kernel.origins import MalformedOriginError, parse_origin, parse_origin_rule
from fastness.kernel.tuples import refuse_bare_text
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import ALLOW, Deny, Verdict

# RFC 9110 §9.2.1 names TRACE too; it never gets here, and if it did it would count as unsafe.
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_OWN_SITE: Final = frozenset({"same-origin", "none"})
# A page on https opens wss: the Origin of the page is compared with the scheme it was loaded by.
_PAGE_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


class CrossSiteReason(StrEnum):
    """Why a request was taken for one that another site sent."""

    SEC_FETCH_CROSS_SITE = "sec_fetch_cross_site"
    ORIGIN_MISMATCH = "origin_mismatch"
    ORIGIN_NULL = "origin_null"
    NO_ORIGIN_WITH_COOKIE = "no_origin_with_cookie"
    WEBSOCKET_ORIGIN = "websocket_origin"
    MALFORMED_ORIGIN = "malformed_origin"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossSiteRules:
    """The other sites whose pages may send unsafe requests here, with the visitor's cookies."""

    trusted_origins: tuple[str, ...] = ()
    """Exact origins, "https://forms.example.com"; each can do in a visitor's name what the visitor can do."""

    _trusted: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        refuse_bare_text("trusted_origins", self.trusted_origins)
        trusted = frozenset(parse_origin_rule("trusted_origins", entry).serialize() for entry in self.trusted_origins)
        object.__setattr__(self, "_trusted", trusted)


def decide_cross_site(
    rules: CrossSiteRules,
    *,
    method: str,
    is_websocket: bool,
    sec_fetch_site: str | None,
    origin: str | None,
    scheme: str,
    host: str,
    has_session_cookie: bool,
) -> Verdict:
    """Decide whether the request may have side effects.

    `scheme` and `host` are what the visitor sees: after the proxy stage, and the accepted `Host` header with its port.
    Header values are given as they came, `None` if absent; a header that came twice is given joined, and matches nothing.
    """
    if is_websocket:
        return _decide_websocket(
            rules,
            sec_fetch_site=sec_fetch_site,
            origin=origin,
            scheme=scheme,
            host=host,
            has_session_cookie=has_session_cookie,
        )
    if method in SAFE_METHODS:
        return ALLOW
    if sec_fetch_site is not None:
        if sec_fetch_site in _OWN_SITE or _is_trusted(rules, origin):
            return ALLOW
        return _SEC_FETCH_CROSS_SITE
    if origin is None:
        return _NO_ORIGIN_WITH_COOKIE if has_session_cookie else ALLOW
    return _decide_origin(rules, origin, scheme, host)


def _decide_websocket(
    rules: CrossSiteRules,
    *,
    sec_fetch_site: str | None,
    origin: str | None,
    scheme: str,
    host: str,
    has_session_cookie: bool,
) -> Verdict:
    if sec_fetch_site is not None and sec_fetch_site not in _OWN_SITE and not _is_trusted(rules, origin):
        return _SEC_FETCH_CROSS_SITE
    if origin is None:
        # Every browser sends Origin with a handshake (RFC 6455 §4.1), so this is a program: welcome, but not with the
        # session of a browser.
        return _WEBSOCKET_ORIGIN if has_session_cookie else ALLOW
    verdict = _decide_origin(rules, origin, scheme, host)
    return _WEBSOCKET_ORIGIN if verdict is _ORIGIN_MISMATCH else verdict


def _decide_origin(rules: CrossSiteRules, origin: str, scheme: str, host: str) -> Verdict:
    page_scheme = _PAGE_SCHEMES.get(scheme)
    if page_scheme is not None and origin == f"{page_scheme}://{host}":
        return ALLOW  # What a browser sends for our own page, character for character.
    if origin == "null":
        return _ORIGIN_NULL
    try:
        theirs = parse_origin(origin)
    except MalformedOriginError:
        return _MALFORMED_ORIGIN
    if theirs.serialize() in rules._trusted:  # noqa: SLF001 - rules and decision are one component
        return ALLOW
    try:
        ours = parse_origin(f"{page_scheme}://{host}")
    except MalformedOriginError:
        return _ORIGIN_MISMATCH
    return ALLOW if theirs == ours else _ORIGIN_MISMATCH


def _is_trusted(rules: CrossSiteRules, origin: str | None) -> bool:
    if origin is None or not rules._trusted:  # noqa: SLF001 - rules and decision are one component
        return False
    try:
        return parse_origin(origin).serialize() in rules._trusted  # noqa: SLF001 - same
    except MalformedOriginError:
        return False


_SEC_FETCH_CROSS_SITE: Final = Deny(CrossSiteReason.SEC_FETCH_CROSS_SITE)
_ORIGIN_MISMATCH: Final = Deny(CrossSiteReason.ORIGIN_MISMATCH)
_ORIGIN_NULL: Final = Deny(CrossSiteReason.ORIGIN_NULL)
_NO_ORIGIN_WITH_COOKIE: Final = Deny(CrossSiteReason.NO_ORIGIN_WITH_COOKIE)
_WEBSOCKET_ORIGIN: Final = Deny(CrossSiteReason.WEBSOCKET_ORIGIN)
_MALFORMED_ORIGIN: Final = Deny(CrossSiteReason.MALFORMED_ORIGIN)
