"""A name is looked up once, its addresses are decided on, and one of exactly these is connected to.

Who checks a name and then hands the name on lets it be looked up twice, and its owner answers with an address on the internet
the first time and with 169.254.169.254 the second (DNS rebinding). Here the library below never sees a name to look up: it gets
an address. TLS still speaks to the name, which the certificate has to be for. One bad address among several refuses them all:
nobody's honest name leads to the internet and to this machine.

ASVS 5.0: V1.3.6 (server-side request forgery).
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final, Protocol

import httpcore2

from fastness.kernel.verdicts import Allow
from fastness.kernel.wires import Wire, permitting
from fastness.outbound.addresses import decide_address
from fastness.outbound.errors import OutboundFailedError, OutboundRefusedError
from fastness.outbound.rules import OutboundRules

_CONNECT_SECONDS: Final = 3.0
"""For each address, so that one that swallows everything leaves time for the next."""
_MAX_ADDRESSES: Final = 4


class Resolver(Protocol):
    """Looks a name up."""

    async def __call__(self, host: str, port: int, /) -> Sequence[str]:
        """All addresses of the name, the preferred one first. Raises `OSError` where there is none."""
        ...


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Ask the machine's own resolver, on a thread."""
    found = await asyncio.to_thread(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class PinnedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to what a name led to, after it was decided on."""

    def __init__(self, rules: OutboundRules, resolve: Resolver) -> None:
        self._rules = rules
        self._resolve = resolve
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the host; raises `OutboundRefusedError` where it leads to something that is not asked."""
        seconds = _CONNECT_SECONDS if timeout is None else min(timeout, _CONNECT_SECONDS)
        with permitting(Wire.SOCKETS):
            failure: Exception | None = None
            for address in (await self.addresses_of(host, port))[:_MAX_ADDRESSES]:
                try:
                    return await self._network.connect_tcp(
                        address, port, timeout=seconds, local_address=local_address, socket_options=socket_options
                    )
                except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                    failure = error
        raise OutboundFailedError("No address of the host could be connected to.") from failure

    async def addresses_of(self, host: str, port: int) -> list[str]:
        """Where the host is, all of it decided on."""
        is_private_allowed = self._rules.may_be_private(f"[{host}]" if ":" in host else host)
        addresses = list(dict.fromkeys([host] if is_address(host) else await self._look_up(host, port)))
        for address in addresses:
            verdict = decide_address(address, is_private_allowed=is_private_allowed)
            if not isinstance(verdict, Allow):
                raise OutboundRefusedError(verdict.reason)
        return addresses

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        try:
            return await self._resolve(host, port)
        except OSError as error:
            raise OutboundFailedError("The host could not be looked up.") from error


def is_address(host: str) -> bool:
    """Whether there is nothing to look up."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
