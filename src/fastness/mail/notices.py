"""Notices: what somebody is told when something about their account changes or is tried.

A thief who has the password changes the address, the password or the factors first. A notice tells the owner, at the address
that was known before, what happened and when, so that they notice while it can still be undone. It goes through the outbox, in
the transaction of the change. A notice carries no link that signs in or changes anything: one that does would teach people to
follow such links.

The person may be stolen from; whoever reads their mailbox is not protected against. What a browser calls itself is the
attacker's choice, so that it is written short and as text.

ASVS 5.0: V6.3.5 (suspicious attempts), V6.3.7 (changed authentication details).
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from fastness.mail.mail import Mail

MAX_DETAIL_LENGTH: Final = 200


class Notice(StrEnum):
    """What happened."""

    NEW_DEVICE = "new-device"
    """Somebody signed in from a browser that is not known for the account, or no longer."""
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - the name of a notice
    FACTOR_ADDED = "factor-added"
    FACTOR_REMOVED = "factor-removed"
    RECOVERY_CODES_RENEWED = "recovery-codes-renewed"
    RECOVERY_CODE_USED = "recovery-code-used"
    MAIL_CHANGED = "mail-changed"
    """To the old address: it is no longer that of the account."""
    SECOND_FACTOR_FAILED = "second-factor-failed"
    """The password was right and the second factor was not: somebody else may know the password."""
    SIGN_IN_SLOWED = "sign-in-slowed"
    """Many sign-ins failed, and further ones have to wait."""
    SIGN_IN_UNLOCKED = "sign-in-unlocked"
    ROLES_CHANGED = "roles-changed"
    TOKEN_CREATED = "token-created"  # noqa: S105 - the name of a notice
    DEACTIVATED = "deactivated"


def notice(kind: Notice, *, to: str, site: str, at: datetime, username: str, detail: str = "") -> Mail:
    """The mail of a notice, for `Outbox.add`.

    Args:
        kind: what happened; its template is `mail/<kind with underscores>.txt`, with `.html` beside it.
        to: the address of the owner; where the address itself has changed, the former one.
        site: what the site is called, the name of its host.
        at: when.
        username: whose account it is.
        detail: which browser, factor or role; cut, and without control characters.
    """
    return Mail(
        to=to,
        template=f"mail/{kind.replace('-', '_')}",
        context={
            "site": plain(site),
            "username": plain(username),
            "at": at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "detail": plain(detail),
        },
        kind=kind.value,
    )


def plain(text: str) -> str:
    """One line of it without what cannot be seen, so that nothing in it looks like another line of the mail."""
    line = "".join(character if character.isprintable() else " " for character in text[: 4 * MAX_DETAIL_LENGTH])
    line = " ".join(line.split())
    return line if len(line) <= MAX_DETAIL_LENGTH else line[: MAX_DETAIL_LENGTH - 1] + "…"
