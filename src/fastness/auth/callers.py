"""Where a sign-in or a proof comes from, for events, notices and the throttle.

The parts of an attempt that the visitor has a say in, such as the device cookie, are believed by nobody who reads them here.
"""

from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who tries something, as far as a request shows it; all empty for a command."""

    request_id: str = ""
    client_ip: str = ""
    method: str = ""
    route: str = ""
    device: str = ""
    """The value of the device cookie."""
    browser: str = ""
    """As people call it."""
