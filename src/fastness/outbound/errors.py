"""What can go wrong when this app asks another server.

    FastnessError
    ├── InvalidInputError
    │   └── OutboundRefusedError    400  the address is one that is never asked
    └── OutboundFailedError         502  the other server gave no answer that can be used
        ├── OutboundTimeoutError    504
        └── OutboundTooLargeError   502

A refusal is mostly about an address that somebody typed, so it is answered like other bad input. What the address was is not
in the message: the reason's code is, and the event has the host.
"""

from enum import StrEnum

from fastness.kernel.errors import FastnessError, InvalidInputError
from fastness.kernel.texts import Text


class OutboundReason(StrEnum):
    """Why an address is not asked, before its name is looked up."""

    MALFORMED = "url_malformed"
    SCHEME = "scheme_not_allowed"
    PLAINTEXT = "plaintext_not_allowed"
    USERINFO = "url_userinfo"
    HOST_NOT_ALLOWED = "host_not_allowed"
    PORT_NOT_ALLOWED = "port_not_allowed"
    DOWNGRADE = "redirect_to_plaintext"
    BODY_TO_OTHER_ORIGIN = "redirect_of_body"
    TOO_MANY_REDIRECTS = "too_many_redirects"


class AddressReason(StrEnum):
    """Why nothing is sent to the address that a name leads to."""

    MALFORMED = "address_malformed"
    UNSPECIFIED = "address_unspecified"
    LOOPBACK = "address_loopback"
    PRIVATE = "address_private"
    SHARED = "address_shared"
    LINK_LOCAL = "address_link_local"
    METADATA = "address_metadata"
    MULTICAST = "address_multicast"
    RESERVED = "address_reserved"
    EMBEDDED = "address_embedded"


class OutboundRefusedError(InvalidInputError):
    """The address is not one that this app asks."""

    code = "outbound_refused"
    public: str = Text("This address cannot be used.")

    def __init__(self, reason: StrEnum) -> None:
        super().__init__(f"The outbound request was refused: {reason.value}.")
        self.reason = reason


class OutboundFailedError(FastnessError):
    """The other server could not be reached, or its answer could not be read."""

    code = "outbound_failed"
    status = 502
    public: str = Text("Another service did not answer. Please try again later.")


class OutboundTimeoutError(OutboundFailedError):
    """The answer took too long."""

    code = "outbound_timeout"
    status = 504


class OutboundTooLargeError(OutboundFailedError):
    """The answer is larger than this app takes."""

    code = "outbound_too_large"
