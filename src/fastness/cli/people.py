"""`users create` and `users link`: accounts and ways back into them, where no mail goes out.

Nobody but its owner knows a password. What is printed is a link that works once and ends soon: whoever opens it first chooses
the password, so it goes to the owner and to no log. Only the first account of an installation, and those of development, may be
made with a password by whoever runs the command: it comes from standard input, never from an argument, which every process on
the machine can read and the shell writes into its history. There is no default account and no default password.

Whoever may run this has the database and the key as well; a second factor is asked for all the same.

ASVS 5.0: V6.3.2 (no default accounts), V6.4.1, V6.4.6 (nobody chooses somebody else's password), V6.2.1 (rules hold here too).
"""

import sys
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.accounts.resetting import INVITE_PATH, RESET_PATH
from fastness.auth.errors import PasswordRefusedError, UsernameError, UsernameTakenError
from fastness.auth.passwordpolicy import refusal_text
from fastness.auth.purposes import Purpose
from fastness.auth.usernames import parse_username
from fastness.auth.users import User
from fastness.cli.errors import CommandError
from fastness.cli.inviting import NewUser, site_address, unusable
from fastness.cli.roleunits import OPERATOR, run_with_services, user_named
from fastness.cli.terminal import printable, remark, say
from fastness.kernel.events import EventName
from fastness.kernel.secret import Secret
from fastness.services.services import Services

_PATHS: Final = {Purpose.INVITE: INVITE_PATH, Purpose.RESET: f"{RESET_PATH}/"}


def create(app_name: str | None, user: NewUser, *, address: str | None, reads_stdin: bool) -> None:
    """Create the user, and print the link by which they choose their password."""
    try:
        parse_username(user.username)
    except UsernameError as error:
        raise unusable(error) from None
    password = _read_line() if reads_stdin else None

    async def work(services: Services) -> str:
        async with services.open_unit(is_read_only=False) as unit:
            db = unit.session
            if password is not None:
                await _require_beginning(services, db)
            try:
                made = await services.accounts.create_user(
                    db,
                    username=user.username,
                    password=None if password is None else password.reveal(),
                    display_name=user.display_name,
                    email=user.email,
                    is_staff=user.is_staff,
                )
            except UsernameTakenError:
                raise CommandError("There is a user of this name already.") from None
            except PasswordRefusedError as error:
                raise CommandError(refusal_text(services.settings.passwords, error.reason)) from None
            return "" if password is not None else await _link(services, db, made, address)

    link = run_with_services(app_name, work)
    staff = ", who is staff" if user.is_staff else ""
    say(f"Created {printable(user.username)}{staff}.")
    if link:
        _show(link)


def make_link(app_name: str | None, username: str, *, address: str | None) -> None:
    """Print a link by which somebody chooses a new password, or their first."""

    async def work(services: Services) -> str:
        async with services.open_unit(is_read_only=False) as unit:
            user = await user_named(unit.session, username)
            if not user.is_active:
                raise CommandError("The account is closed; `fastness users reopen` opens it.")
            return await _link(services, unit.session, user, address)

    _show(run_with_services(app_name, work))


async def _require_beginning(services: Services, db: AsyncSession) -> None:
    """Refuse to choose a password where people are: their passwords are their own."""
    if not services.settings.is_development and await db.scalar(select(User.id).limit(1)) is not None:
        raise CommandError(
            "--password-stdin is for the first user and for development: everybody else chooses their own password. Leave it "
            "out, and give them the link that is printed, or send one with `fastness users invite`."
        )


async def _link(services: Services, db: AsyncSession, user: User, address: str | None) -> str:
    start = site_address(services.settings, address)
    purpose, token = await services.password_links.hand_over(db, user)
    services.report(EventName.AUTHN_TOKEN_CREATED, "link_handed_over", {"by": OPERATOR, "whose": str(user.id)})
    return start + _PATHS[purpose] + token


def _show(link: str) -> None:
    remark("The link works once and ends soon. Whoever opens it first chooses the password: it is for the owner alone.")
    say(link)


def _read_line() -> Secret:
    password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not password:
        raise CommandError("The password is empty.")
    return Secret(password)
