"""SMTP: a message is handed to one server, over a connection that was proved to lead there, or not at all.

Whoever is between here and the server may answer in its place, show another certificate, or take the offer of STARTTLS out of
its greeting and wait for the mail, the password or both in the clear. So the certificate is checked against the configured
name, STARTTLS is demanded and not merely tried, and what the transport is gets looked at once more before the first command
that carries anything. Each message has a connection of its own: none is left half way for the next one (CVE-2026-7666).
A server that answers slowly, a byte at a time or not at all runs into a limit for the whole exchange.

Not covered: what the server does with the message. Between servers mail is encrypted only if they agree to.

ASVS 5.0: V12.3.1, V12.3.2 (verified TLS), V13.2.6 (time limits).
"""

import asyncio
import contextlib
import ssl
from email.message import EmailMessage
from typing import Final

import aiosmtplib

from fastness.kernel.errors import ConfigError
from fastness.mail.addresses import domain_of
from fastness.mail.errors import MailDelayedError, MailRefusedError
from fastness.mail.rules import MailRules, MailSecurity

_PERMANENT: Final = range(500, 600)
_GOODBYE_SECONDS: Final = 5


class SMTPMailer:
    """Sends through the mail server that the rules name."""

    __slots__ = ("_context", "_rules")

    def __init__(self, rules: MailRules) -> None:
        if missing := rules.missing():
            raise ConfigError(
                "Mail cannot be sent: set " + ", ".join(f"FASTNESS_MAIL_{name.upper()}" for name in missing)
            )
        if rules.reveals_password:
            raise ConfigError(
                "The password of a mail server is never sent unencrypted: set FASTNESS_MAIL_SECURITY=tls."
            )
        self._rules = rules
        self._context = _make_context(rules)

    async def send(self, message: EmailMessage) -> None:
        """Hand the message over."""
        rules = self._rules
        client = self._make_client()
        try:
            async with asyncio.timeout(2 * rules.timeout_seconds):
                await self._connect(client)
                await self._hand_over(client, message)
        except TimeoutError:
            raise MailDelayedError("timeout", is_server_away=True) from None
        except aiosmtplib.SMTPException as error:
            raise _translate(error) from None
        except (OSError, ValueError):
            # A certificate that cannot be read, a line that is no SMTP.
            raise MailDelayedError("connection_failed", is_server_away=True) from None
        else:
            # The message is theirs now: a goodbye that fails is no reason to send it again.
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=_GOODBYE_SECONDS)
        finally:
            client.close()

    def _make_client(self) -> aiosmtplib.SMTP:
        rules = self._rules
        return aiosmtplib.SMTP(
            hostname=rules.host,
            port=rules.effective_port,
            # The name in the greeting: not that of this machine, which is nobody's business.
            local_hostname=domain_of(rules.sender),
            timeout=rules.timeout_seconds,
            use_tls=rules.security is MailSecurity.TLS,
            start_tls=False,
            tls_context=self._context,
        )

    async def _connect(self, client: aiosmtplib.SMTP) -> None:
        rules = self._rules
        try:
            await client.connect()
        except aiosmtplib.SMTPException as error:
            # The library wraps what TLS said.
            reason = "certificate" if _is_certificate(error) else "connection_failed"
            raise MailDelayedError(reason, is_server_away=True) from None
        if rules.security is MailSecurity.STARTTLS:
            await self._start_tls(client)
        if rules.security is not MailSecurity.PLAINTEXT and client.get_transport_info("ssl_object") is None:
            raise MailDelayedError("not_encrypted", is_server_away=True)
        if rules.password is not None:
            try:
                await client.login(rules.username, rules.password.reveal())
            except aiosmtplib.SMTPException:
                raise MailDelayedError("sign_in_refused", is_server_away=True) from None

    async def _start_tls(self, client: aiosmtplib.SMTP) -> None:
        try:
            await client.starttls(server_hostname=self._rules.host, tls_context=self._context)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            reason = "certificate" if _is_certificate(error) else "starttls_refused"
            raise MailDelayedError(reason, is_server_away=True) from None

    async def _hand_over(self, client: aiosmtplib.SMTP, message: EmailMessage) -> None:
        recipient = str(message["To"].addresses[0].addr_spec)
        await client.sendmail(self._rules.sender, [recipient], message.as_bytes())


def _make_context(rules: MailRules) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=rules.ca_file)
    except (OSError, ssl.SSLError):
        raise ConfigError("FASTNESS_MAIL_CA_FILE cannot be read as certificates (PEM).") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _is_certificate(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError) or "certificate" in str(seen).lower():
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _translate(error: aiosmtplib.SMTPException) -> MailDelayedError | MailRefusedError:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        code = error.recipients[0].code
        return _refusal("recipient_refused", code)
    if isinstance(error, aiosmtplib.SMTPSenderRefused):
        # All mail has this sender: a matter between the settings and the server, and none of the mail's.
        return MailDelayedError(f"sender_refused_{error.code}", is_server_away=True)
    if isinstance(error, aiosmtplib.SMTPDataError):
        return _refusal("message_refused", error.code)
    if isinstance(error, aiosmtplib.SMTPTimeoutError):
        return MailDelayedError("timeout", is_server_away=True)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return MailDelayedError(f"answer_{error.code}", is_server_away=True)
    return MailDelayedError("connection_failed", is_server_away=True)


def _refusal(reason: str, code: int) -> MailDelayedError | MailRefusedError:
    return MailRefusedError(f"{reason}_{code}") if code in _PERMANENT else MailDelayedError(f"{reason}_{code}")
