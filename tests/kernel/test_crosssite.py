"""Every `Sec-Fetch-Site`, with every kind of `Origin`, with and without a session, for requests and WebSocket handshakes.

Sources: W3C Fetch Metadata Request Headers §2.3 (the four values, and that they are set by the browser only), RFC 6454 §7
(`Origin`, and when it is "null"), Fetch Standard §3.2 (which requests carry it), RFC 6455 §4.1 (handshakes).
"""

from itertools import product

import pytest

from fastness.kernel.crosssite import SAFE_METHODS, CrossSiteReason, CrossSiteRules, decide_cross_site
from fastness.kernel.errors import ConfigError
from fastness.kernel.verdicts import ALLOW, Deny

HOST = "app.example.com"
RULES = CrossSiteRules(trusted_origins=("https://forms.example.com", "https://pay.example.net:8443"))
UNSAFE_METHODS = ("POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "get", "", "GET ")

ORIGINS = {
    "equal": "https://app.example.com",
    "trusted": "https://forms.example.com",
    # The attacker's page; and a sibling that was taken over, which SameSite cookies do not stop.
    "other": "https://evil.example",
    "sibling": "https://evil.example.com",
    "null": "null",
    "absent": None,
    "malformed": "https://app.example.com/path",
}

FETCH = Deny(CrossSiteReason.SEC_FETCH_CROSS_SITE)
MISMATCH = Deny(CrossSiteReason.ORIGIN_MISMATCH)
NULL = Deny(CrossSiteReason.ORIGIN_NULL)
NO_ORIGIN = Deny(CrossSiteReason.NO_ORIGIN_WITH_COOKIE)
SOCKET = Deny(CrossSiteReason.WEBSOCKET_ORIGIN)
MALFORMED = Deny(CrossSiteReason.MALFORMED_ORIGIN)

COLUMNS = ("equal", "trusted", "other", "sibling", "null", "absent", "absent, with session", "malformed")

# An unsafe request. Only where Origin is absent does the session decide.
REQUESTS = {
    # Old browsers and programs: Origin alone decides. A program without a session has no victim.
    None: (ALLOW, ALLOW, MISMATCH, MISMATCH, NULL, ALLOW, NO_ORIGIN, MALFORMED),
    # The browser says it was our own page. Origin is then "null" if the page has Referrer-Policy: no-referrer (Fetch
    # §3.2), and differs from Host behind a proxy that rewrites it; neither can be made by another site.
    "same-origin": (ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, ALLOW),
    # Typed, bookmarked, or a form restored after a crash: no page sent it.
    "none": (ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, ALLOW),
    # evil.example.com posts to app.example.com: the cookies come along whatever SameSite says.
    "same-site": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
    # evil.example posts a form. "equal" is a request that our page sent to evil.example, which redirected it back.
    "cross-site": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
    # No browser sends these, so whatever did is not vouched for.
    "": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
    "Same-Origin": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
    "same-origin ": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
    "same-origin, cross-site": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
    "same-origin, same-origin": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
    "same-origin\x00": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
    "nested-navigate": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
}

# A WebSocket handshake (cross-site WebSocket hijacking: evil.example opens a socket, the cookies come along, and no
# same-origin policy keeps it from reading). Browsers send Origin always, Chromium sends nothing else; so Origin is asked even
# if Sec-Fetch-Site says "same-origin".
HANDSHAKES = {
    None: (ALLOW, ALLOW, SOCKET, SOCKET, NULL, ALLOW, SOCKET, MALFORMED),
    "same-origin": (ALLOW, ALLOW, SOCKET, SOCKET, NULL, ALLOW, SOCKET, MALFORMED),
    "none": (ALLOW, ALLOW, SOCKET, SOCKET, NULL, ALLOW, SOCKET, MALFORMED),
    "same-site": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
    "cross-site": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
    "": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
    "Same-Origin": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
    "same-origin, cross-site": (FETCH, ALLOW, FETCH, FETCH, FETCH, FETCH, FETCH, FETCH),
}


def decide(rules=RULES, **changes):
    given = {
        "method": "POST",
        "is_websocket": False,
        "sec_fetch_site": None,
        "origin": None,
        "scheme": "https",
        "host": HOST,
        "has_session_cookie": True,
    }
    return decide_cross_site(rules, **(given | changes))


def rows(table):
    for site, verdicts in table.items():
        for column, verdict in zip(COLUMNS, verdicts, strict=True):
            kind = column.partition(",")[0]
            sessions = (False, True) if kind != "absent" else (column != kind,)
            for has_session in sessions:
                name = f"{site!r}, origin {kind}, {'with' if has_session else 'no'} session"
                yield pytest.param(site, kind, has_session, verdict, id=name)


@pytest.mark.parametrize(("site", "kind", "has_session", "expected"), list(rows(REQUESTS)))
def test_unsafe_requests(site, kind, has_session, expected):
    for method in UNSAFE_METHODS:
        verdict = decide(method=method, sec_fetch_site=site, origin=ORIGINS[kind], has_session_cookie=has_session)
        assert verdict == expected


@pytest.mark.parametrize(("site", "kind", "has_session", "expected"), list(rows(REQUESTS)))
def test_without_trusted_origins_theirs_count_as_any_other(site, kind, has_session, expected):
    given = {"sec_fetch_site": site, "origin": ORIGINS[kind], "has_session_cookie": has_session}
    if kind == "trusted":
        expected = REQUESTS[site][COLUMNS.index("other")]
    assert decide(CrossSiteRules(), **given) == expected


@pytest.mark.parametrize(("site", "kind", "has_session", "expected"), list(rows(REQUESTS)))
def test_safe_methods_pass(site, kind, has_session, expected):
    for method in SAFE_METHODS:
        given = {"sec_fetch_site": site, "origin": ORIGINS[kind], "has_session_cookie": has_session}
        assert decide(method=method, **given) is ALLOW


@pytest.mark.parametrize(("site", "kind", "has_session", "expected"), list(rows(HANDSHAKES)))
def test_handshakes(site, kind, has_session, expected):
    # The method of a handshake is GET, or CONNECT over HTTP/2 (RFC 8441): neither makes it safe.
    for method, scheme in product(("GET", "CONNECT"), ("wss", "https")):
        given = {"sec_fetch_site": site, "origin": ORIGINS[kind], "has_session_cookie": has_session}
        assert decide(method=method, is_websocket=True, scheme=scheme, **given) == expected


@pytest.mark.parametrize(("site", "kind", "has_session", "expected"), list(rows(HANDSHAKES)))
def test_handshakes_without_trusted_origins(site, kind, has_session, expected):
    given = {"sec_fetch_site": site, "origin": ORIGINS[kind], "has_session_cookie": has_session}
    if kind == "trusted":
        expected = HANDSHAKES[site][COLUMNS.index("other")]
    assert decide(CrossSiteRules(), is_websocket=True, scheme="wss", **given) == expected


@pytest.mark.parametrize(
    ("origin", "scheme", "host", "expected"),
    [
        pytest.param("https://a.example", "https", "a.example", ALLOW, id="equal"),
        pytest.param("https://a.example", "https", "a.example:443", ALLOW, id="host names the default port"),
        pytest.param("https://a.example:443", "https", "a.example", ALLOW, id="origin names the default port"),
        pytest.param("https://a.example:8443", "https", "a.example:8443", ALLOW, id="same port"),
        pytest.param("https://a.example:8443", "https", "a.example", MISMATCH, id="another port"),
        pytest.param("https://a.example", "https", "a.example:8443", MISMATCH, id="another port of the host"),
        pytest.param("https://a.example", "https", "A.Example", ALLOW, id="host in upper case"),
        pytest.param("https://a.example", "https", "a.example.", ALLOW, id="host with trailing dot"),
        # Who owns the network writes http pages of our name; they are not ours.
        pytest.param("http://a.example", "https", "a.example", MISMATCH, id="http page, https request"),
        pytest.param("https://a.example", "http", "a.example", MISMATCH, id="https page, http request"),
        pytest.param("http://localhost:8000", "http", "localhost:8000", ALLOW, id="localhost"),
        pytest.param("http://localhost:3000", "http", "localhost:8000", MISMATCH, id="another port of localhost"),
        pytest.param("http://127.0.0.1:8000", "http", "localhost:8000", MISMATCH, id="address is not localhost"),
        pytest.param("http://[::1]:8000", "http", "[::1]:8000", ALLOW, id="ipv6"),
        pytest.param("https://a.example", "wss", "a.example", ALLOW, id="https page, socket scheme"),
        pytest.param("http://a.example", "ws", "a.example", ALLOW, id="http page, socket scheme"),
        pytest.param("http://a.example", "wss", "a.example", MISMATCH, id="http page, secure socket scheme"),
        pytest.param("https://a.example.evil.example", "https", "a.example", MISMATCH, id="begins like ours"),
        pytest.param("https://evil.example", "https", "evil.example@a.example", MISMATCH, id="host that is none"),
        pytest.param("https://a.example", "gopher", "a.example", MISMATCH, id="scheme that is none"),
        pytest.param("None://a.example", "gopher", "a.example", MALFORMED, id="scheme of neither"),
        pytest.param("https://a.example https://b.example", "https", "a.example", MALFORMED, id="list"),
        pytest.param("", "https", "a.example", MALFORMED, id="empty"),
        pytest.param("null", "https", "null", NULL, id="a host called null"),
        pytest.param("NULL", "https", "a.example", MALFORMED, id="null in upper case"),
    ],
)
def test_origins_are_compared_whole(origin, scheme, host, expected):
    assert decide(origin=origin, scheme=scheme, host=host) == expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        pytest.param("https://forms.example.com", ALLOW, id="as declared"),
        pytest.param("https://forms.example.com:443", ALLOW, id="with its default port"),
        pytest.param("https://forms.example.com:444", MISMATCH, id="another port"),
        pytest.param("http://forms.example.com", MISMATCH, id="another scheme"),
        pytest.param("https://a.forms.example.com", MISMATCH, id="below"),
        pytest.param("https://forms.example.com.evil.example", MISMATCH, id="begins like it"),
        pytest.param("https://evilforms.example.com", MISMATCH, id="ends like it"),
        pytest.param("https://pay.example.net:8443", ALLOW, id="with a port of its own"),
        pytest.param("https://pay.example.net", MISMATCH, id="without its port"),
    ],
)
def test_trusted_origins_are_exact(origin, expected):
    assert decide(origin=origin) == expected
    # A browser that sends both is held to the same list.
    assert decide(origin=origin, sec_fetch_site="cross-site") == (ALLOW if expected is ALLOW else FETCH)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param("*", id="everything"),
        pytest.param("null", id="null"),
        pytest.param("https://*.example.com", id="wildcard"),
        pytest.param("example.com", id="no scheme"),
        pytest.param("https://example.com/", id="slash"),
        pytest.param("", id="empty"),
    ],
)
def test_rules_that_are_refused(entry):
    with pytest.raises(ConfigError):
        CrossSiteRules(trusted_origins=(entry,))


def test_the_missing_comma_is_named():
    with pytest.raises(ConfigError):
        CrossSiteRules(trusted_origins=("https://example.com"))
