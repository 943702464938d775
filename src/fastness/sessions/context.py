"""From where a session is used: the kind of browser, the system and the network, each as coarsely as will do.

A stolen cookie is used from another browser and another network. Neither proves a theft: networks change with every train ride,
and both can be imitated by whoever knows them. So a change is reported, or answered by asking for the password again; nobody is
signed out by it. What is kept is a few words and a network (/16, or /48 of IPv6), never the header that was sent or the address:
it goes into the list of one's devices, where a long text of somebody else's choice has no place.

ASVS 5.0: V7.5.2, V7.5.3, V14.2.6.
"""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Final

from fastness.kernel.limits import JSONValue
from fastness.sessions.record import encode_json

KEY: Final = "fastness.context"
"""Under which a session keeps it."""
UNKNOWN: Final = "Unknown"
_MAX_NETWORKS: Final = 4
_MAX_AGENT: Final = 512

# In this order: each names those after it too.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


class ContextChange(StrEnum):
    """What is different."""

    BROWSER = "browser_changed"
    NETWORK = "network_changed"


class Reaction(StrEnum):
    """What follows from a change."""

    OFF = "off"
    REPORT = "report"
    ASK = "ask"


@dataclass(frozen=True, kw_only=True)
class Context:
    """From where a session is used."""

    browser: str = UNKNOWN
    system: str = UNKNOWN
    networks: tuple[str, ...] = ()
    """The latest is the last one."""

    @property
    def label(self) -> str:
        """Browser and system as people call them; empty where neither is known."""
        known = [one for one in (self.browser, self.system) if one != UNKNOWN]
        return " on ".join(known)

    @property
    def network(self) -> str:
        """The latest network, or nothing."""
        return self.networks[-1] if self.networks else ""

    def changes_from(self, former: "Context") -> tuple[ContextChange, ...]:
        """What is different now."""
        changes = []
        if (self.browser, self.system) != (former.browser, former.system):
            changes.append(ContextChange.BROWSER)
        if self.networks and former.networks and self.network not in former.networks:
            changes.append(ContextChange.NETWORK)
        return tuple(changes)

    def after(self, former: "Context | None") -> "Context":
        """This one, with the networks that were known before: a telephone goes back and forth between two."""
        known = () if former is None else former.networks
        kept = [one for one in known if one not in self.networks]
        return Context(browser=self.browser, system=self.system, networks=(*kept, *self.networks)[-_MAX_NETWORKS:])

    @property
    def stored(self) -> JSONValue:
        """As a session keeps it."""
        return [self.browser, self.system, *self.networks]

    @cached_property
    def start(self) -> bytes:
        """How the values of a session begin that holds this before all else, as one does since its sign-in."""
        # The list ends with its bracket, so the bytes stand for the whole value.
        return b"{" + encode_json(KEY) + b":" + encode_json(self.stored)


def context_of(user_agent: str, client_ip: str) -> Context:
    """What a request tells."""
    return _context_of(user_agent[:_MAX_AGENT], client_ip)


@lru_cache(maxsize=256)
def _context_of(agent: str, client_ip: str) -> Context:
    # Asked on every request of somebody who is signed in, mostly with the same few answers: reading an address costs ten
    # times what comparing it does. The number of entries and the length of each are bounded.
    network = network_of(client_ip)
    return Context(
        browser=next((name for mark, name in _BROWSERS if mark in agent), UNKNOWN),
        system=next((name for mark, name in _SYSTEMS if mark in agent), UNKNOWN),
        networks=(network,) if network else (),
    )


def context_from_json(value: JSONValue) -> Context | None:
    """What a session keeps; nothing for what cannot be read."""
    if not isinstance(value, list) or len(value) < 2:
        return None
    texts = [one for one in value if isinstance(one, str)]
    if len(texts) != len(value):
        return None
    return Context(browser=texts[0], system=texts[1], networks=tuple(texts[2:]))


def network_of(client_ip: str) -> str:
    """The /16 of an IPv4 address, the /48 of an IPv6 one; nothing for anything else."""
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    return str(ipaddress.ip_network((address, 16 if address.version == 4 else 48), strict=False))
