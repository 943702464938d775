"""Whom this app may ask, and how much of an answer it takes.

Nobody, until hosts are named: an app that calls no other server has no door to be used for it. Loading these rules loads no
library.

ASVS 5.0: V13.2.4, V13.2.5 (allow-list of external systems), V12.3.1, V12.3.2 (verified TLS), V13.1.3, V13.2.6 (time, parallel
connections), V15.3.2 (redirects).
"""

from dataclasses import field
from typing import Final

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.hosts import HostRules
from fastness.kernel.tuples import refuse_bare_text
from fastness.kernel.values import dataclass

_INSECURE: Final = ("insecure_any_host", "insecure_allow_private", "insecure_plaintext")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundRules:
    """What `Outbound` may do."""

    hosts: tuple[str, ...] = ()
    """The servers that may be asked: exact names ("api.example.com") or suffixes (".example.com": the name and all below it)."""
    ports: tuple[int, ...] = (443,)
    """The ports that may be asked."""
    max_response_bytes: int = 5_000_000
    """The largest answer, unpacked."""
    timeout_seconds: float = 10.0
    """How long a request may take from its beginning to the last byte of the answer, redirects included."""
    max_redirects: int = 0
    """How many redirects are followed, each to a server that may be asked. Without any, the redirect is the answer."""
    connections: int = 20
    """How many requests one worker has under way; further ones wait, within their time."""
    ca_file: str | None = None
    """A file of certificates to believe instead of the system's, for servers with a private authority."""
    insecure_any_host: Because | None = None
    """Why servers on the internet may be asked that are not listed, such as the receivers of webhooks that customers name."""
    insecure_allow_private: Because | None = None
    """Why a listed host may be at a private, shared or loopback address, such as a service in the same network."""
    insecure_plaintext: Because | None = None
    """Why http may be used, which everybody on the way can read and change; its port has to be listed as well."""

    _hosts: HostRules = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        refuse_bare_text("hosts", self.hosts)
        object.__setattr__(self, "_hosts", HostRules(allowed=self.hosts))
        if not self.ports or not all(1 <= port <= 65_535 for port in self.ports):
            raise ConfigError("ports must be numbers between 1 and 65535, at least one of them")
        for name, least, most in (
            ("max_response_bytes", 1, 1_000_000_000),
            ("timeout_seconds", 0.1, 300),
            ("max_redirects", 0, 20),
            ("connections", 1, 1_000),
        ):
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"{name} must be between {least} and {most}")
        for name in _INSECURE:
            if not isinstance(getattr(self, name), Because | None):
                raise ConfigError(f'{name} takes a reason: Because("…")')

    def lists(self, host: str) -> bool:
        """Whether a parsed host name is one of those that were named."""
        return self._hosts.matches(host)

    def may_be_private(self, host: str) -> bool:
        """Whether this host may be at an address that is not on the internet; never one that was not named."""
        return self.insecure_allow_private is not None and self.lists(host)
