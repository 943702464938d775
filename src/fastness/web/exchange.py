"""What the pipeline knows about one request, and which gates it has passed.

One `Exchange` lives in `scope["fastness"]` from the first stage to the last. The stages write their findings into it once,
as plain values, so that nothing below has to parse a header again, and every stage that ran leaves its stamp. The last gate
refuses a request on which a stamp is missing, so a stage that was removed, reordered or skipped by a bug closes the site
instead of opening it (ASVS 5.0 V8.3.1: the decision is made on a trusted layer; V16.5.3: fail secure).

Class-level defaults keep the construction of an `Exchange` to the few attributes that differ for each request.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote, unquote_to_bytes

from fastness.html.values import TrustedURL
from fastness.kernel.errors import ConfigError
from fastness.kernel.paths import decide_path
from fastness.kernel.tokens import nonce
from fastness.kernel.verdicts import ALLOW

if TYPE_CHECKING:
    from fastness.kernel.errors import FastnessError
    from fastness.sessions.session import Session
    from fastness.web.headers import HeaderProfile
    from fastness.web.route import Route
    from fastness.web.site import Site

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Finisher: TypeAlias = Callable[[int], Awaitable[None]]

SCOPE_KEY: Final = "fastness"

LIMITS: Final = 1
PROXY: Final = 2
HOST: Final = 4
HTTPS: Final = 8
MATCH: Final = 16
CROSS_SITE: Final = 32
SESSION: Final = 64
ACCESS: Final = 128
FORM_TOKEN: Final = 256
UNIT: Final = 512
RATE_CLIENT: Final = 1024
RATE_USER: Final = 2048

BEFORE_ACCESS: Final = LIMITS | PROXY | HOST | HTTPS | MATCH | CROSS_SITE | SESSION
WITH_RATES: Final = BEFORE_ACCESS | RATE_CLIENT | RATE_USER
"""For a route that declares a rate; the stages that count are there only if some route does."""
BEFORE_HANDLER: Final = BEFORE_ACCESS | ACCESS | FORM_TOKEN | UNIT

STAMP_NAMES: Final = {
    LIMITS: "limits",
    PROXY: "proxy",
    HOST: "host",
    HTTPS: "https",
    MATCH: "match",
    CROSS_SITE: "cross-site",
    SESSION: "session",
    ACCESS: "access",
    FORM_TOKEN: "form token",
    UNIT: "unit of work",
    RATE_CLIENT: "rate by client",
    RATE_USER: "rate by user",
}


class Exchange:
    """One request and its response, as seen by the stages."""

    stamps: int = 0
    """Bits of the gates that were passed."""
    headers: dict[bytes, bytes] = {}  # noqa: RUF012 - replaced, never filled: what the first gate refuses has none
    """Request headers, one value each; the limits stage refuses what may not occur twice."""
    method: str = ""
    """The HTTP method, or `WEBSOCKET` for an upgrade."""
    is_websocket: bool = False
    client_ip: str = ""
    """The peer, and after the proxy stage whom the declared proxies name; empty over a Unix socket."""
    peer_ip: str = ""
    """The other end of the connection itself, whatever any header says."""
    scheme: str = "http"
    """`http` or `https`, after the declared proxies were asked; also for sockets."""
    has_hsts: bool = False
    """TLS, and a host that browsers may remember as TLS only."""
    host: str = ""
    """The Host header, checked against the allowed names; empty before that."""
    request_id: str = ""
    """Made on first use, shown on error pages and written into every log line."""
    root_path: str = ""
    """What stands before every path of this app, as it is written in an address; empty at the root of its host."""
    route: "Route | None" = None
    path_params: Mapping[str, Any] = {}
    session: "Session | None" = None
    must_confirm: bool = False
    """The session comes from another browser or network than before: its person counts as signed in when they have confirmed."""
    token_id: str = ""
    """Of the API token that the request acts with; its cookie counts for nothing then."""
    is_session_unavailable: bool = False
    """The store did not answer, and the route is public: reads find nobody, writes raise."""
    is_private: bool = False
    """Session or user was read: the response may not be stored by any cache."""
    is_concealed: bool = False
    """Whatever refuses this request, the answer is that of an address where nothing is: the route is hidden from this person."""
    plain_profile: "HeaderProfile | None" = None
    """The headers of such an answer."""
    has_told_superuser: bool = False
    """That somebody passed as a superuser is in the events already."""
    has_origin_evidence: bool = False
    """The browser said that the request comes from this very site."""
    is_trusted_cross_site: bool = False
    """Another origin's page sent it, and the route or the site trusts that origin: it cannot know a form token."""
    needs_form_token: bool = False
    """Neither `Sec-Fetch-Site` nor `Origin` came with a session cookie: only a valid token can show where the request is from."""
    max_body_bytes: int = 0
    received_body_bytes: int = 0
    drop_unread: "Callable[[], Awaitable[None]] | None" = None
    """Reads what is left of the body. There until its end was read, if one was announced."""
    finishers: "list[Finisher] | None" = None
    """Awaited with the status, in order, before the first byte of the response; one that raises turns it into an error."""
    response_headers: "list[tuple[bytes, bytes]] | None" = None
    """Added to the response by stages (cookies, Clear-Site-Data)."""
    has_missed_events: bool = False
    """The audit log did not take its events, and that was answered for already."""
    has_started: bool = False
    """The response has begun: it is too late for an error page."""
    has_ended: bool = False
    """The socket was closed from here: nothing more may be sent."""
    status: int = 0
    profile: "HeaderProfile"
    site: "Site"
    unit: Any = None
    """The database unit of work, once a handler has asked for it."""
    has_reached_leaf: bool = False
    """A mounted app's endpoint was reached, and it is the one that the gates decided on."""
    receive_error: "FastnessError | None" = None
    """What went wrong when a mounted app read the body."""
    answered_error: "Exception | None" = None
    """What a mounted app's middleware raised, and was answered for already."""

    _nonce: str = ""

    def __init__(self, site: "Site", profile: "HeaderProfile") -> None:
        self.site = site
        self.profile = profile

    @property
    def nonce(self) -> str:
        """The value that this response's scripts and styles carry, the same in header and page."""
        value = self._nonce
        if not value:
            value = self._nonce = nonce()
        return value

    @property
    def wants_page(self) -> bool:
        """A person looks at the answer: a browser navigates, or asks for HTML."""
        headers = self.headers
        mode = headers.get(b"sec-fetch-mode")
        return mode == b"navigate" or (mode is None and b"text/html" in headers.get(b"accept", b""))

    def before_response(self, finisher: Finisher, *, is_first: bool = False) -> None:
        """Have `finisher(status)` awaited before the response starts, after the others or before them."""
        if self.finishers is None:
            self.finishers = [finisher]
        elif is_first:
            self.finishers.insert(0, finisher)
        else:
            self.finishers.append(finisher)

    def add_response_header(self, name: bytes, value: bytes) -> None:
        """Put a header on whatever response follows, an error page included."""
        if self.response_headers is None:
            self.response_headers = [(name, value)]
        else:
            self.response_headers.append((name, value))

    def address(self, path: str) -> str:
        """A path of this app as browsers know it."""
        return self.root_path + path if self.root_path else path

    def static(self, name: str) -> TrustedURL:
        """The address of a static file."""
        address = self.site.addresses.static(name)
        return TrustedURL(self.root_path + address) if self.root_path else address

    def text(self, name: bytes) -> str | None:
        """A request header as text, or `None`."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


def is_http1(scope: Scope) -> bool:
    """Whether requests come one after another on the connection, each beginning where the one before ends."""
    version: str = scope.get("http_version", "1.1")
    return version.startswith("1")


def raw_path_of(scope: Scope) -> bytes:
    """The path as it was sent, still encoded; encoded anew where the server did not keep it."""
    raw_path: bytes | None = scope.get("raw_path")
    return raw_path or quote(scope["path"], errors="surrogateescape").encode("ascii")


def route_path_of(scope: Scope) -> str:
    """The decoded path below the server's root path. "/application" is not below "/app"."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if path == root:
        return "/"
    return path[len(root) :] if path.startswith(root + "/") else path


def sent_address_of(scope: Scope) -> bytes:
    """Path and query as the browser sent them, still encoded, with the root path in front also where a proxy has cut it off."""
    path = raw_path_of(scope)
    root: str = scope[SCOPE_KEY].root_path
    if root and not (unquote_to_bytes(path) + b"/").startswith(unquote_to_bytes(root) + b"/"):
        path = root.encode("ascii") + path
    query: bytes = scope.get("query_string") or b""
    return path + b"?" + query if query else path


def root_address_of(root: str) -> str:
    """The server's root path as it is written in addresses. Raises `ConfigError` for what is no path."""
    address = quote(root.rstrip("/"))
    if address and decide_path(address.encode("ascii")) is not ALLOW:
        raise ConfigError("The server's root path is no path such as /shop. Correct its option for it.")
    return address


def missing_stamps(stamps: int, required: int) -> str:
    """The names of the gates in `required` that `stamps` lacks, for the log."""
    return ", ".join(name for bit, name in STAMP_NAMES.items() if required & bit and not stamps & bit)
