"""Where a redirect may lead.

`?next=` and its kin are written by whoever made the link. An open redirect lends our name to a phishing page and
leaks what the browser carries along, so a target is either a path on this host or an http(s) address on a host that
was declared. The attacker writes any text; the danger is that we and the browser read it differently (WHATWG URL:
a backslash is a slash, tabs and line ends vanish, `https:evil.com` has a host), so whatever needs interpretation is refused
instead of interpreted.

A path has to be one that the path decision would accept, since that is where it leads. Not covered: what a declared
host does with the visitor, and that the page there exists. ASVS 5.0: V3.7.2 (redirects by allow-list), V1.2.2 (safe
schemes).
"""

from dataclasses import field
from enum import StrEnum
from typing import Final

from fastness.kernel.hosts import Host, HostRules, MalformedHostError, parse_host
from fastness.kernel.origins import DEFAULT_PORTS
from fastness.kernel.paths import decide_path
from fastness.kernel.tuples import refuse_bare_text
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import ALLOW, Deny, Verdict

MAX_TARGET_LENGTH: Final = 2048


class RedirectReason(StrEnum):
    """Why a redirect target was refused."""

    EMPTY = "redirect_empty"
    TOO_LONG = "redirect_too_long"
    NOT_ASCII = "redirect_not_ascii"
    CONTROL = "redirect_control"
    BACKSLASH = "redirect_backslash"
    SCHEME_RELATIVE = "redirect_scheme_relative"
    SCHEME = "redirect_scheme"
    RELATIVE = "redirect_relative"
    USERINFO = "redirect_userinfo"
    MALFORMED = "redirect_malformed"
    UNSAFE_PATH = "redirect_unsafe_path"
    HOST = "redirect_host"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectRules:
    """The other hosts that the app may send a visitor to."""

    allowed_hosts: tuple[str, ...] = ()
    """Exact names, suffixes (".example.com") or a name with a port ("localhost:3000"); without port: the scheme's own."""

    _names: HostRules = field(init=False, repr=False, compare=False)
    _with_port: frozenset[Host] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        refuse_bare_text("allowed_hosts", self.allowed_hosts)
        names: list[str] = []
        with_port: set[Host] = set()
        for entry in self.allowed_hosts:
            host = _try_host(entry)
            if host is None or host.port is None:
                names.append(entry)  # Checked, and refused with a reason, by the rules for hosts.
            else:
                with_port.add(host)
        object.__setattr__(self, "_names", HostRules(allowed=tuple(names)))
        object.__setattr__(self, "_with_port", frozenset(with_port))

    def allows(self, host: Host, scheme: str) -> bool:
        """Tell whether a parsed host is declared, for a target of that scheme."""
        if host.port is None or host.port == DEFAULT_PORTS[scheme]:
            return self._names.matches(host.name) or Host(host.name, DEFAULT_PORTS[scheme]) in self._with_port
        return host in self._with_port


def decide_redirect(rules: RedirectRules, target: str, *, own_host: str) -> Verdict:
    """Decide whether a browser may be sent to `target`; `own_host` is the accepted `Host` header of this request."""
    refusal = _refuse_text(target)
    if refusal is not None:
        return refusal
    if target[0] == "/":
        if target[1:2] == "/":
            return _SCHEME_RELATIVE  # "//evil.com" is the address of a host, in the scheme of the page.
        return _decide_own_path(target)
    scheme, colon, rest = target.partition(":")
    if not colon or "/" in scheme or "?" in scheme or "#" in scheme:
        return _RELATIVE  # "page", "?x", "#x": where it leads depends on the page it is read on.
    scheme = scheme.lower()
    if scheme not in DEFAULT_PORTS:
        return _SCHEME
    if not rest.startswith("//"):
        return _MALFORMED  # "https:evil.com" and "https:/evil.com": browsers find a host there, other parsers a path.
    return _decide_address(rules, scheme, rest[2:], own_host)


def try_safe_target(rules: RedirectRules, target: str | None, *, own_host: str) -> str | None:
    """Return the target if it may be used, else `None`."""
    if target is not None and decide_redirect(rules, target, own_host=own_host) is ALLOW:
        return target
    return None


def _refuse_text(target: str) -> Deny | None:
    if not target:
        return _EMPTY
    if len(target) > MAX_TARGET_LENGTH:
        return _TOO_LONG
    if not target.isascii():
        # U+FF0F and U+3002 become "/" and "." when a browser reads the host. A path is percent-encoded before it gets
        # here.
        return _NOT_ASCII
    if not target.isprintable() or " " in target:
        return _CONTROL  # Browsers drop tabs and line ends from anywhere, and blanks from the ends: "/\t/evil.com".
    if "\\" in target:
        return _BACKSLASH
    return None


def _decide_own_path(target: str) -> Verdict:
    path = target.partition("#")[0].partition("?")[0]
    # An encoded slash in a later segment is a value (a route may allow it); right at the start it is "//evil.com" to
    # whatever decodes the header once more.
    if path[1:4].lower() == "%2f" or decide_path(path.encode("ascii"), allow_encoded_slash=True) is not ALLOW:
        return _UNSAFE_PATH
    return ALLOW


def _decide_address(rules: RedirectRules, scheme: str, rest: str, own_host: str) -> Verdict:
    authority = rest.partition("#")[0].partition("?")[0].partition("/")[0]
    if "@" in authority:
        return _USERINFO  # "https://good.com@evil.com" is a page of evil.com.
    host = _try_host(authority)
    if host is None:
        return _MALFORMED
    if rules.allows(host, scheme):
        return ALLOW
    own = _try_host(own_host)
    if own is not None and host.name == own.name:
        own_port = DEFAULT_PORTS[scheme] if own.port is None else own.port
        if (DEFAULT_PORTS[scheme] if host.port is None else host.port) == own_port:
            after = rest[len(authority) :]
            return _decide_own_path(after if after.startswith("/") else f"/{after}")
    return _HOST


def _try_host(text: str) -> Host | None:
    try:
        return parse_host(text)
    except MalformedHostError:
        return None


_EMPTY: Final = Deny(RedirectReason.EMPTY)
_TOO_LONG: Final = Deny(RedirectReason.TOO_LONG)
_NOT_ASCII: Final = Deny(RedirectReason.NOT_ASCII)
_CONTROL: Final = Deny(RedirectReason.CONTROL)
_BACKSLASH: Final = Deny(RedirectReason.BACKSLASH)
_SCHEME_RELATIVE: Final = Deny(RedirectReason.SCHEME_RELATIVE)
_SCHEME: Final = Deny(RedirectReason.SCHEME)
_RELATIVE: Final = Deny(RedirectReason.RELATIVE)
_USERINFO: Final = Deny(RedirectReason.USERINFO)
_MALFORMED: Final = Deny(RedirectReason.MALFORMED)
_UNSAFE_PATH: Final = Deny(RedirectReason.UNSAFE_PATH)
_HOST: Final = Deny(RedirectReason.HOST)
