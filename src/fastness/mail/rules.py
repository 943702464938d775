"""How mail leaves: which server, how it is proved to be the right one, who is the sender, how long is tried.

The connection to the server carries one-time links, so that whoever is between could take over accounts: it is encrypted, the
certificate is checked against the server's name, and there is no way to fall back to less. With STARTTLS the server's offer can
be removed on the way (CVE-2026-7666 left such a connection in use); then nothing is sent. Loading these rules loads no library.

ASVS 5.0: V12.3.1, V12.3.2 (verified TLS), V13.3.1 (credentials), V13.1.3 and V13.2.6 (time, retries, parallel connections).
"""

from enum import StrEnum

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError, FastnessError
from fastness.kernel.formats import decide_host_name
from fastness.kernel.secret import Secret
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import Deny
from fastness.mail.addresses import check_address, check_header


class MailBackend(StrEnum):
    """Where mail goes."""

    NONE = "none"
    """Nowhere: it waits in the outbox until there is a server, or until it is too old."""
    CONSOLE = "console"
    """To the terminal, for development."""
    MEMORY = "memory"
    """Into a list, for tests."""
    SMTP = "smtp"
    """To a mail server."""


class MailSecurity(StrEnum):
    """How the connection to the mail server is encrypted."""

    TLS = "tls"
    """From the first byte (RFC 8314 §3); port 465."""
    STARTTLS = "starttls"
    """After a greeting in the clear; port 587. A server that does not do it gets nothing."""
    PLAINTEXT = "plaintext"
    """Not at all; port 25. Needs `insecure_plaintext`, and never carries a password."""


_PORTS = {MailSecurity.TLS: 465, MailSecurity.STARTTLS: 587, MailSecurity.PLAINTEXT: 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRules:
    """Where mail goes, and who it is from."""

    backend: MailBackend = MailBackend.NONE
    """Where mail goes: "smtp" in production, "console" in development."""
    host: str = ""
    """The name of the mail server; its certificate has to be for this name."""
    port: int | None = None
    """Its port; without, the one that belongs to the kind of encryption."""
    security: MailSecurity = MailSecurity.TLS
    """How the connection is encrypted: "tls" from the first byte, or "starttls"."""
    username: str = ""
    """The name to sign in to the server with, if it asks for one."""
    password: Secret | None = None
    """The password for it."""
    ca_file: str | None = None
    """A file of certificates to believe instead of the system's, for a server with a private authority."""
    sender: str = ""
    """The address that mail comes from, noreply@example.com; its domain is also that of the message ids."""
    sender_name: str = ""
    """The name shown before it."""
    reply_to: str = ""
    """Where answers go, if not to the sender."""
    keep_days: int = 3
    """How long a mail is tried before it is given up."""
    retry_seconds: int = 20
    """How long after the first failure it is tried again; twice as long after each further one."""
    max_retry_seconds: int = 3_600
    """The longest such pause."""
    timeout_seconds: float = 30.0
    """How long is waited for one answer of the server; all of one mail may take twice that."""
    connections: int = 4
    """How many mails one worker sends at the same time."""
    insecure_plaintext: Because | None = None
    """Why mail may travel unencrypted, such as to a relay on the same machine."""

    def __post_init__(self) -> None:
        if self.host and isinstance(decide_host_name(self.host), Deny):
            raise ConfigError("host is the name of a mail server, such as smtp.example.com")
        if self.port is not None and not 1 <= self.port <= 65_535:
            raise ConfigError("port must be between 1 and 65535")
        if self.insecure_plaintext is not None and not isinstance(self.insecure_plaintext, Because):
            raise ConfigError('insecure_plaintext takes a reason: Because("…")')
        self._check_sender()
        for name, least, most in (
            ("keep_days", 1, 30),
            ("retry_seconds", 1, 3_600),
            ("max_retry_seconds", 1, 86_400),
            ("timeout_seconds", 0.1, 300),
            ("connections", 1, 64),
        ):
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"{name} must be between {least} and {most}")

    def _check_sender(self) -> None:
        try:
            for address in filter(None, (self.sender, self.reply_to)):
                check_address(address)
            check_header(self.sender_name, what="sender_name")
        except FastnessError as error:
            raise ConfigError(f"sender and reply_to: {error.detail}") from None

    @property
    def effective_port(self) -> int:
        """The port that is connected to."""
        return self.port or _PORTS[self.security]

    def missing(self) -> tuple[str, ...]:
        """What has to be set before this can send; found by `fastness check` and when the mailer is made."""
        if self.backend is not MailBackend.SMTP:
            return ()
        found = [name for name in ("host", "sender") if not getattr(self, name)]
        if self.security is MailSecurity.PLAINTEXT and self.insecure_plaintext is None:
            found.append("insecure_plaintext")
        return tuple(found)

    @property
    def reveals_password(self) -> bool:
        """Whether a password would travel in the clear, which is refused."""
        return self.security is MailSecurity.PLAINTEXT and self.password is not None
