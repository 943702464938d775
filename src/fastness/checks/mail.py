"""Whether mail can leave, and whether it leaves for the right server only.

Mail carries one-time links and tells people that somebody is at their account. Where it cannot leave, nobody notices: requests
go on as before, and the outbox fills.

ASVS 5.0: V12.3.1 (encrypted connections), V6.3.7 (people are told), V13.2.6.
"""

from collections.abc import Iterator
from typing import Final

from fastness.checks.check import Deployment
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.mail.rules import MailBackend, MailSecurity

NO_MAIL: Final = Notice(
    id="FST-MAIL-001",
    severity=Severity.LOW,
    title="No mail is sent",
    why="Nobody can reset a password, and nobody is told when something happens to their account. Mails wait in the database "
    "until they are too old.",
    fix="Set FASTNESS_MAIL_BACKEND=smtp, with FASTNESS_MAIL_HOST and FASTNESS_MAIL_SENDER.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V6.3.7",),
)
INCOMPLETE_MAIL: Final = Notice(
    id="FST-MAIL-002",
    severity=Severity.HIGH,
    title="The mail server's settings are incomplete",
    why="Mail is meant to be sent, and cannot be.",
    fix="Set what is named; the address that mail comes from is FASTNESS_MAIL_SENDER.",
    topic=Topic.MISCONFIGURATION,
)
PLAINTEXT_MAIL: Final = Notice(
    id="FST-MAIL-003",
    severity=Severity.MEDIUM,
    title="Mail travels unencrypted",
    why="Whoever is on the way to the mail server reads the one-time links in it, and takes over the accounts.",
    fix="Set FASTNESS_MAIL_SECURITY=tls or starttls.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V12.3.1", "V12.3.2"),
)
PLAINTEXT_PASSWORD: Final = Notice(
    id="FST-MAIL-004",
    severity=Severity.HIGH,
    title="The mail server's password would travel unencrypted",
    why="It is never sent so: no mail leaves.",
    fix="Set FASTNESS_MAIL_SECURITY=tls or starttls, or leave the password out.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V12.3.1",),
)

NOTICES: Final = (NO_MAIL, INCOMPLETE_MAIL, PLAINTEXT_MAIL, PLAINTEXT_PASSWORD)


def check_mail(deployment: Deployment) -> Iterator[Finding]:
    """How mail leaves."""
    settings = deployment.settings
    rules = settings.mail
    if settings.is_development:
        return
    if rules.backend is not MailBackend.SMTP:
        yield NO_MAIL.found(where=f"FASTNESS_MAIL_BACKEND: {rules.backend}")
        return
    for name in rules.missing():
        yield INCOMPLETE_MAIL.found(where=f"FASTNESS_MAIL_{name.upper()}")
    if rules.reveals_password:
        yield PLAINTEXT_PASSWORD.found(where="FASTNESS_MAIL_SECURITY")
    elif rules.security is MailSecurity.PLAINTEXT and rules.insecure_plaintext is not None:
        yield PLAINTEXT_MAIL.found(
            where="FASTNESS_MAIL_SECURITY", detail=f"{PLAINTEXT_MAIL.why} {rules.insecure_plaintext}"
        )
