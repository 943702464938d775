"""What is probed: an address, what is known of the app behind it, and how much may be asked of it.

Everything is plain values, so that the probe looks at an app from outside only: nothing it finds comes from the app's own
objects. The routes and the key come from the project of the person who runs it.
"""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal
from urllib.parse import urlsplit

from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.kernel.values import dataclass

_PARAMETER: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")
_SAMPLES: Final[Mapping[str, str]] = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "int": "1",
    "float": "1.5",
    "path": "probe",
    "str": "probe",
}
"""Values for parameters that name nothing which is there."""
_STRICT: Final = frozenset({"uuid", "int", "float"})
"""Parameters that take no text."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PORTS: Final = {"http": 80, "https": 443}
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class ProbeAddressError(ConfigError):
    """The address names no site."""

    code = "probe_address"


class ProbeRefusedError(ConfigError):
    """The target did not show that it is the user's own."""

    code = "probe_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the app answers."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    base: str = ""
    """What stands before every path of the app."""

    @property
    def authority(self) -> str:
        """The Host header of a browser that visits it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"

    @property
    def origin(self) -> str:
        """The Origin header of its pages."""
        return f"{self.scheme}://{self.authority}"

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def is_loopback(self) -> bool:
        return self.host in _LOOPBACK


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRoute:
    """A route as the app's own table has it."""

    path: str
    """"/cases/{case_id:uuid}"."""
    methods: frozenset[str] = frozenset({"GET"})
    kind: Literal["http", "websocket", "mount"] = "http"
    is_refused: bool = False
    """Whoever is not signed in gets nothing here."""
    is_hidden: bool = False
    """… and is not to learn that there is anything."""
    takes_other_sites: bool = False
    """Its author let pages of other sites send requests here."""

    @property
    def sample(self) -> str:
        """An address of this route with values that name nothing."""
        return _PARAMETER.sub(lambda found: _SAMPLES.get(found[2] or "str", "probe"), self.path)

    def path_with(self, value: str) -> str:
        """An address of this route with the value in the place of each parameter that takes any."""
        return _PARAMETER.sub(lambda found: _SAMPLES[found[2]] if found[2] in _STRICT else value, self.path)

    @property
    def has_parameters(self) -> bool:
        return "{" in self.path

    @property
    def unsafe_methods(self) -> tuple[str, ...]:
        """Those that may change something."""
        return tuple(sorted(self.methods - _SAFE))

    def is_at(self, path: str) -> bool:
        """Whether a path is one of this route's."""
        literals = _PARAMETER.split(self.path)
        pattern = re.escape(literals[0])
        for kind, literal in zip(literals[2::3], literals[3::3], strict=True):
            pattern += (".+" if kind == "path" else "[^/]+") + re.escape(literal)
        return re.fullmatch(pattern, path) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who can sign in to the target."""

    name: str
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is asked of the target."""

    max_requests: int = 10_000
    requests_per_second: int = 100
    at_once: int = 6
    timeout_seconds: float = 30
    """For one answer; a busy machine takes its time over a password."""
    total_seconds: float = 600

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ConfigError(f"Limits.{name} of the probe is a number above 0.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An app that runs, and what its owner knows of it."""

    address: Address
    keyring: Keyring
    routes: tuple[KnownRoute, ...]
    session_cookies: tuple[str, ...] = ("__Host-session",)
    """The names that it may have, the likeliest first."""
    sign_in_path: str | None = "/account/sign-in"
    sign_out_path: str | None = "/account/sign-out"
    accounts: tuple[Account, ...] = ()
    """Two of them, with different things of their own, show whether one gets at the other's."""
    limits: Limits = field(default_factory=Limits)

    @property
    def pause_seconds(self) -> float:
        """Between one request and the next. The pace spares others: nobody else waits for a target on this machine."""
        return 0.0 if self.address.is_loopback else 1 / self.limits.requests_per_second

    def route_at(self, path: str) -> KnownRoute | None:
        """The route that the table has for a GET of this path."""
        return next((one for one in self.routes if ("GET" in one.methods or not one.methods) and one.is_at(path)), None)


def parse_address(text: str) -> Address:
    """Read the address of a site; raises `ProbeAddressError`."""
    advice = f"{text!r} is no address of a site. Write it as a browser shows it, such as https://www.example.com."
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ProbeAddressError(advice) from None
    if not host or not host.isascii() or not all(map(str.isprintable, text)) or " " in text:
        raise ProbeAddressError(advice)
    if parts.query or parts.fragment or parts.username is not None:
        raise ProbeAddressError(f"{advice} Without query, fragment and user name.")
    base = parts.path.rstrip("/")
    if parts.scheme == "https":
        return Address(scheme="https", host=host, port=port or 443, base=base)
    if parts.scheme == "http":
        return Address(scheme="http", host=host, port=port or 80, base=base)
    raise ProbeAddressError(advice)
