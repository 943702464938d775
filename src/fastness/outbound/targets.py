"""An address as it is written, read once and strictly, and the decision on it.

SSRF filters fall to a URL that two parsers read differently: what was checked is then not what is connected to. So a URL is cut
up here, by hand, and its parts go to the wire as they are; there is no second parser. Hosts are read by the kernel's strict
reader: `0x7f.1`, `0177.0.0.1`, `2130706433`, full-width digits and dots, `127.0.0.1%2f` and a user's name before an `@` are no
hosts. A host that was read is decided on by name here and by address when it was looked up (`addresses.py`).

A redirect is a new URL from somebody else: it is decided on anew, and takes neither a body nor anything that could be a
credential to another origin (CVE-2018-18074, CVE-2023-32681 and their like in most clients).

ASVS 5.0: V1.3.6 (server-side request forgery), V1.5.3 (parsers agree), V15.3.2 (redirects).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urljoin

from fastness.kernel.hosts import MalformedHostError, parse_host
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import ALLOW, Allow, Deny, Verdict
from fastness.outbound.errors import OutboundReason, OutboundRefusedError
from fastness.outbound.rules import OutboundRules

MAX_URL_LENGTH: Final = 8_192
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_NEUTRAL: Final = frozenset({"accept", "accept-encoding", "accept-language", "user-agent"})
"""Headers that say nothing about whom we are to the server that they were meant for."""
_OF_BODY: Final = frozenset({"content-type", "content-length", "content-encoding", "content-language"})


@dataclass(frozen=True, slots=True)
class Target:
    """One address, taken apart."""

    scheme: str
    host: str
    """Lower-case, without a dot at its end; IPv6 in brackets."""
    port: int
    path: str
    """With the query, as it is sent."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """What a credential belongs to."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is sent."""

    method: str
    target: Target
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes = b""


def parse_target(url: str) -> Target:
    """Take an absolute http or https address apart; raises `OutboundRefusedError`."""
    if len(url) > MAX_URL_LENGTH or _is_read_differently(url):
        raise OutboundRefusedError(OutboundReason.MALFORMED)
    # Letters beyond ASCII are for paths; in the host they become escapes, which no host has.
    text = quote(url, safe=_PRINTABLE, errors="replace")
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    if scheme not in _PORTS or not rest:
        raise OutboundRefusedError(OutboundReason.SCHEME)
    end = min((index for index in map(rest.find, "/?#") if index >= 0), default=len(rest))
    authority, path = rest[:end], rest[end:].partition("#")[0]
    if "@" in authority:
        raise OutboundRefusedError(OutboundReason.USERINFO)
    try:
        host = parse_host(authority)
    except MalformedHostError:
        raise OutboundRefusedError(OutboundReason.MALFORMED) from None
    return Target(scheme, host.name, host.port or _PORTS[scheme], path if path.startswith("/") else f"/{path}")


def decide_target(rules: OutboundRules, target: Target) -> Verdict:
    """Decide on an address by what is written in it."""
    if target.scheme != "https" and rules.insecure_plaintext is None:
        return Deny(OutboundReason.PLAINTEXT)
    if target.port not in rules.ports:
        return Deny(OutboundReason.PORT_NOT_ALLOWED)
    if not rules.lists(target.host) and rules.insecure_any_host is None:
        return Deny(OutboundReason.HOST_NOT_ALLOWED)
    return ALLOW


def redirected(rules: OutboundRules, call: Call, status: int, location: str) -> Call:
    """What is sent next, where a server sends us on; raises `OutboundRefusedError` where that is nowhere."""
    if _is_read_differently(location):
        raise OutboundRefusedError(OutboundReason.MALFORMED)
    try:
        target = parse_target(urljoin(str(call.target), location))
    except ValueError:
        # What the standard library cannot join, such as a bracket that is not closed.
        raise OutboundRefusedError(OutboundReason.MALFORMED) from None
    if call.target.scheme == "https" and target.scheme != "https":
        raise OutboundRefusedError(OutboundReason.DOWNGRADE)
    verdict = decide_target(rules, target)
    if not isinstance(verdict, Allow):
        raise OutboundRefusedError(verdict.reason)
    following = replace(call, target=target)
    if (status == 303 and call.method != "HEAD") or (status in {301, 302} and call.method == "POST"):
        # RFC 9110 §15.4: what browsers have always done.
        kept = {name: value for name, value in call.headers.items() if name not in _OF_BODY}
        following = replace(following, method="GET", headers=kept, body=b"")
    if target.origin == call.target.origin:
        return following
    if following.body or following.method not in {"GET", "HEAD"}:
        raise OutboundRefusedError(OutboundReason.BODY_TO_OTHER_ORIGIN)
    return replace(following, headers={name: text for name, text in following.headers.items() if name in _NEUTRAL})


def _is_read_differently(url: str) -> bool:
    """Browsers drop tabs and line ends and read a backslash as a slash; whoever writes them counts on that."""
    return "\\" in url or any(letter <= " " or letter == "\x7f" for letter in url)
