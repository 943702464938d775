"""Which names this app answers to.

Links in mails, redirects and the cross-site decision are built on the `Host` header, and the client writes that
header. A forged one poisons password-reset links and caches, so the app answers only to names that were listed, and
to none by default. Trusted is who writes the rules; the attacker sends any bytes as `Host`, `:authority` or a query
string that ends up there. A name is read by one strict parser (RFC 3986 §3.2.2 without userinfo, percent-encoding or
Unicode) and compared exactly or as a whole-label suffix: no regular expression, nothing is guessed, what cannot be
parsed is refused.

Not covered: that the name resolves to this machine (DNS rebinding is stopped because the attacker's name is not
listed), and `X-Forwarded-Host`, which is deliberately never read: a proxy shall pass `Host` on.

ASVS 5.0: V1.5.3 (parsers agree), V3.5.4 (applications on their own host names), V4.1.3 (headers set by
intermediaries).
"""

from dataclasses import field
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from fastness.kernel.errors import ConfigError, InvalidInputError
from fastness.kernel.tuples import refuse_bare_text
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import ALLOW, Deny, Verdict

MAX_NAME_LENGTH: Final = 253  # RFC 1035 §2.3.4: 255 octets on the wire.
MAX_LABEL_LENGTH: Final = 63
MAX_HOST_LENGTH: Final = MAX_NAME_LENGTH + len(".:65535")

# RFC 6761 reserves these; as suffixes they hold nobody else's names.
_OWN_TOP_LEVELS: Final = frozenset({"localhost", "test"})


class MalformedHostError(InvalidInputError):
    """A host that no browser would send; the message never holds the value."""

    code = "malformed_host"


class HostReason(StrEnum):
    """Why a `Host` header was refused."""

    MISSING = "host_missing"
    MALFORMED = "host_malformed"
    NOT_ALLOWED = "host_not_allowed"


@dataclass(frozen=True, slots=True)
class Host:
    """A parsed host: lower-case name without trailing dot, IPv6 in brackets and compressed; port if one was written."""

    name: str
    port: int | None = None

    def __str__(self) -> str:
        return self.name if self.port is None else f"{self.name}:{self.port}"

    @property
    def is_address(self) -> bool:
        """True for an IPv4 or IPv6 literal."""
        return self.name[0] == "[" or self.name.rpartition(".")[2].isdigit()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRules:
    """The names the app answers to; empty means it answers to none."""

    allowed: tuple[str, ...] = ()
    """Exact names ("shop.example.com") or suffixes (".example.com": the name and everything below it); no ports."""

    _exact: frozenset[str] = field(init=False, repr=False, compare=False)
    _suffixes: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        refuse_bare_text("allowed", self.allowed)
        exact: set[str] = set()
        suffixes: list[str] = []
        for entry in self.allowed:
            name = parse_host_rule(entry)
            exact.add(name.removeprefix("."))
            if name.startswith("."):
                suffixes.append(name)
        object.__setattr__(self, "_exact", frozenset(exact))
        object.__setattr__(self, "_suffixes", tuple(suffixes))

    @property
    def site_name(self) -> str:
        """What the site is called where no request says by which of its names: the first."""
        return next((name.removeprefix(".") for name in self.allowed), "localhost")

    def name_for_links(self, name: str) -> str:
        """Which name a link in a mail leads to, where its request came to `name`: one that the rules write out, if they do.

        Below a suffix whoever sends the request chooses the name, and one of them may be somebody else's page, which would
        then be given the link's token (CWE-644).
        """
        if name in self._exact:
            return name
        return next((entry for entry in self.allowed if not entry.startswith(".")), name)

    def matches(self, name: str) -> bool:
        """Tell whether a parsed name (`Host.name`) is one of these."""
        return name in self._exact or (bool(self._suffixes) and name.endswith(self._suffixes))


def decide_host(rules: HostRules, header: str | None) -> Verdict:
    """Decide on the value of the one `Host` header (or `:authority`) of a request.

    The names of the rules are compared as they stand first: a browser sends them lower-case and without trailing dot.
    Everything else goes through the parser, and only a parsed name can match a suffix.
    """
    if header is None or not header:
        return _MISSING
    if header in rules._exact:  # noqa: SLF001 - rules and decision are one component
        return ALLOW
    try:
        text, port = _split(header)
        if port is not None:
            _parse_port(port)
            if text in rules._exact:  # noqa: SLF001 - same
                return ALLOW
        name = _parse_name(text)
    except MalformedHostError:
        return _MALFORMED
    return ALLOW if rules.matches(name) else _NOT_ALLOWED


def parse_host(value: str) -> Host:
    """Parse `name`, `name:port`, `[v6]` or `[v6]:port`; raises `MalformedHostError`.

    Stricter than RFC 9110 §7.2 where leniency helps nobody but an attacker: an empty port, a port with leading zeros,
    `127.1` and `0x7f.0.0.1` (which browsers rewrite before they send) are refused.
    """
    name, port = _split(value)
    return Host(_parse_name(name), None if port is None else _parse_port(port))


def parse_host_rule(entry: str) -> str:
    """Return an entry of an allow-list normalised, with its leading dot if it is a suffix; raises `ConfigError`."""
    if "*" in entry:
        raise ConfigError(
            f"{entry!r} is not a host: list each name, or write .example.com for a domain and all below it."
        )
    name = entry.removeprefix(".")
    try:
        host = parse_host(name)
    except MalformedHostError as error:
        raise ConfigError(
            f"{entry!r} is not a host name. Write example.com or .example.com: no scheme, no path, "
            f"international names as xn--…. {error.detail}"
        ) from error
    if host.port is not None:
        raise ConfigError(f"{entry!r} names a port: hosts are listed without ports, write {host.name!r}.")
    if not entry.startswith("."):
        return host.name
    if host.is_address or ("." not in host.name and host.name not in _OWN_TOP_LEVELS):
        raise ConfigError(f"{entry!r} as a suffix would hold other people's hosts: name the domain, .example.com.")
    return f".{host.name}"


def _split(value: str) -> tuple[str, str | None]:
    """Cut the port off; an address in brackets keeps them."""
    if not value or len(value) > MAX_HOST_LENGTH:  # The length is capped before anything walks the text.
        raise MalformedHostError("The host is empty or longer than a DNS name and a port can be.")
    if not value.isascii():
        # A Unicode name may normalise to another one (U+3002 to a dot, U+FF0F to a slash): only punycode is accepted.
        raise MalformedHostError("The host holds characters outside ASCII; international names are written as xn--….")
    if value[0] == "[":
        literal, bracket, rest = value.partition("]")
        if not bracket or (rest and rest[0] != ":"):
            raise MalformedHostError("The host has an address in brackets that is not closed, or text after it.")
        return f"{literal}]", rest[1:] if rest else None
    name, colon, port = value.partition(":")
    return name, port if colon else None


def _parse_name(text: str) -> str:
    if text[:1] == "[":
        return _parse_ipv6(text[1:-1])
    name = text.lower().removesuffix(".")  # "example.com." is the same host, written fully qualified.
    # The text is ASCII, so isalnum() means letters and digits. The underscore is no part of a host name: RFC 1123 §2.1.
    if len(name) > MAX_NAME_LENGTH or not name.replace("-", "").replace(".", "").isalnum():
        raise MalformedHostError("The host is empty, too long, or holds characters that host names do not have.")
    framed = f".{name}."
    if ".." in framed or ".-" in framed or "-." in framed:
        raise MalformedHostError("The host has an empty label, or one that begins or ends with a hyphen.")
    if len(name) > MAX_LABEL_LENGTH and any(len(label) > MAX_LABEL_LENGTH for label in name.split(".")):
        raise MalformedHostError("The host has a label that is too long.")
    last = name.rpartition(".")[2]
    if last.isdigit() or last.startswith("0x"):
        # WHATWG URL, "ends in a number checker": such a host is an IPv4 address or nothing.
        try:
            IPv4Address(name)
        except AddressValueError as error:
            raise MalformedHostError(
                "The host ends in a number but is not an IPv4 address in four decimals."
            ) from error
    return name


def _parse_ipv6(text: str) -> str:
    # 45 characters are the longest form (IPv4-mapped); a zone id (%eth0) means something only on one machine.
    if len(text) > 45 or "%" in text:
        raise MalformedHostError("The host has an IPv6 address that is too long or has a zone.")
    try:
        address = IPv6Address(text)
    except AddressValueError as error:
        raise MalformedHostError("The host has brackets without an IPv6 address in them.") from error
    if address.ipv4_mapped is None:
        return f"[{address.compressed}]"
    # Browsers write all of it in hexadecimal; Python does up to 3.12.
    low = int(address) & 0xFFFFFFFF
    return f"[::ffff:{low >> 16:x}:{low & 0xFFFF:x}]"


def _parse_port(text: str) -> int:
    if not text or len(text) > 5 or not text.isdigit() or text[0] == "0":
        raise MalformedHostError("The port is not a number between 1 and 65535 without leading zeros.")
    port = int(text)
    if port > 65535:
        raise MalformedHostError("The port is above 65535.")
    return port


_MISSING: Final = Deny(HostReason.MISSING)
_MALFORMED: Final = Deny(HostReason.MALFORMED)
_NOT_ALLOWED: Final = Deny(HostReason.NOT_ALLOWED)
