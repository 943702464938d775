"""`users invite`: an account for somebody who chooses the password themselves.

Whoever runs this knows no password of anybody's at the end. The link leads to the site's first name, or to `--address`; it is
sent by `fastness worker`, so that it is not printed here, where a log of the terminal would keep it.

ASVS 5.0: V6.4.1 (initial secrets are the user's own), V6.3.2.
"""

from typing import Final

from fastness.accounts.resetting import INVITE_PATH
from fastness.auth.errors import UsernameError, UsernameTakenError
from fastness.auth.purposes import Place
from fastness.auth.usernames import UsernameReason
from fastness.auth.users import find_user
from fastness.cli.errors import CommandError
from fastness.cli.roleunits import run_with_services
from fastness.cli.terminal import printable, say
from fastness.kernel.formats import decide_email, decide_url
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import Allow
from fastness.mail.rules import MailBackend
from fastness.services.services import Services
from fastness.settings.settings import Settings

_USERNAME_TEXTS: Final = {
    UsernameReason.EMPTY: "The user name is empty.",
    UsernameReason.TOO_LONG: "The user name is too long.",
    UsernameReason.CHARACTER: "The user name has a character that names cannot have, such as an invisible one.",
    UsernameReason.SPACES: "The user name has more than one space in a row.",
    UsernameReason.MIXED_ALPHABETS: "The user name mixes letters of several alphabets that look alike.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """What is asked for."""

    username: str
    display_name: str
    email: str
    is_staff: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """How it went."""

    username: str
    is_new: bool
    is_sent: bool
    """Whether mail leaves this app at all."""


def invite(app_name: str | None, user: NewUser, *, address: str | None) -> None:
    """Create the account, or send another link to one that has no password."""
    if not isinstance(decide_email(user.email), Allow):
        raise CommandError("This is no address that mail can be sent to: name@example.com, in ASCII.")
    try:
        invited = run_with_services(app_name, lambda services: _invite(services, user, address))
    except UsernameTakenError:
        raise CommandError("There is a user of this name already.") from None
    except UsernameError as error:
        raise unusable(error) from None
    say(
        f"{'Created' if invited.is_new else 'Invited again:'} {printable(invited.username)}. The mail is in the outbox."
    )
    if not invited.is_sent:
        say("No mail leaves yet: set FASTNESS_MAIL_BACKEND, and run `fastness worker`.")


def unusable(error: UsernameError) -> CommandError:
    """What is said about a name that cannot be one."""
    return CommandError(_USERNAME_TEXTS[UsernameReason(error.reason)])


def place_for(settings: Settings, address: str | None) -> Place:
    """Where the link leads."""
    address = site_address(settings, address)
    return Place(page=address + INVITE_PATH, site=address.partition("://")[2].partition("/")[0])


def site_address(settings: Settings, address: str | None) -> str:
    """Where the site is, without a slash at its end: a command has no request that would tell."""
    if address is None and settings.is_development:
        address = "http://localhost:8000"
    if address is None:
        names = [name for name in settings.hosts.allowed if not name.startswith((".", "*"))]
        if not names:
            raise CommandError("FASTNESS_HOSTS names no single host; say --address https://example.com.")
        address = f"https://{names[0]}"
    address = address.rstrip("/")
    if not isinstance(decide_url(address, https_only=not settings.is_development), Allow):
        raise CommandError("--address is where the site is, https://example.com.")
    return address


async def _invite(services: Services, user: NewUser, address: str | None) -> Invited:
    place = place_for(services.settings, address)
    is_sent = services.settings.mail.backend is not MailBackend.NONE
    async with services.open_unit(is_read_only=False) as unit:
        db = unit.session
        found = await find_user(db, user.username)
        if found is not None:
            # Only to the address that it has: this command changes nobody's.
            if found.password_hash is not None or not found.is_active or found.email != user.email:
                raise UsernameTakenError
            await services.password_links.invite_again(db, found, place)
            return Invited(username=found.username, is_new=False, is_sent=is_sent)
        made = await services.password_links.invite(
            db,
            username=user.username,
            email=user.email,
            place=place,
            display_name=user.display_name,
            is_staff=user.is_staff,
        )
        return Invited(username=made.username, is_new=True, is_sent=is_sent)
