"""What the outbox and the mailers refuse.

    FastnessError
    ├── ConfigError
    │   └── MailError               the app's own mistake: a mail, a template or rules that cannot be right
    ├── InvalidInputError
    │   └── MailAddressError        a text that is no address somebody could be written to
    └── UnavailableError
        ├── MailDelayedError        not now: the server is away, slow, or asks to come again
        └── MailRefusedError        not ever as it is: the server said no

No detail holds an address, a subject or what a server answered: whoever writes the one may choose the other.
"""

from fastness.kernel.errors import ConfigError, InvalidInputError, UnavailableError
from fastness.kernel.texts import Text


class MailError(ConfigError):
    """A mail, a template of one, or the rules cannot be right."""

    code = "mail"
    status = 500


class MailAddressError(InvalidInputError):
    """Not an address that mail can be sent to."""

    code = "mail_address"
    status = 422
    public: str = Text("This is not a mail address.")


class MailDelayedError(UnavailableError):
    """The mail could not be handed over now; it is tried again."""

    code = "mail_delayed"
    status = 503

    def __init__(self, reason: str, *, is_server_away: bool = False) -> None:
        super().__init__(f"the mail waits: {reason}")
        self.reason = reason
        self.is_server_away = is_server_away
        """Whether another mail would meet the same."""


class MailRefusedError(UnavailableError):
    """The mail server will not take this mail."""

    code = "mail_refused"
    status = 503

    def __init__(self, reason: str) -> None:
        super().__init__(f"the mail was refused: {reason}")
        self.reason = reason
