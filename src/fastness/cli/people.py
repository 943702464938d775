"""`users`: the first account of a new deployment, and others without a page for it.

The password comes from the terminal, unseen and twice, or from standard input for a script; never from an argument, which
every process on the machine can read and the shell writes into its history. There is no default account and no default
password.

ASVS 5.0: V6.3.2 (no default accounts), V6.2.1 (password rules hold here too).
"""

import asyncio
import sys
from dataclasses import dataclass
from getpass import getpass

from fastness.app import Fastness
from fastness.auth.errors import PasswordRefusedError, UsernameError, UsernameTakenError
from fastness.auth.passwordpolicy import refusal_text
from fastness.auth.usernames import UsernameReason, parse_username
from fastness.auth.users import find_user
from fastness.cli.databases import require_upgraded
from fastness.cli.errors import CommandError
from fastness.cli.location import find_location, load_app
from fastness.cli.terminal import printable, remark, say
from fastness.kernel.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """What is asked for."""

    username: str
    display_name: str
    email: str
    is_staff: bool


def create(app_name: str | None, user: NewUser, *, reads_stdin: bool) -> None:
    """Ask for the password and create the user."""
    try:
        parse_username(user.username)
    except UsernameError as error:
        raise CommandError(_USERNAME_TEXTS[UsernameReason(error.reason)]) from None
    location = find_location(app_name)
    app = load_app(location)
    require_upgraded(app, location)
    password = _read_line() if reads_stdin else _ask_twice()
    try:
        asyncio.run(_create(app, user, password))
    except UsernameTakenError:
        raise CommandError("There is a user of this name already.") from None
    except PasswordRefusedError as error:
        raise CommandError(refusal_text(app.settings.passwords, error.reason)) from None
    staff = ", who is staff" if user.is_staff else ""
    say(f"Created {printable(user.username)}{staff}.")


async def _create(app: Fastness, user: NewUser, password: Secret) -> None:
    services = app.services
    await services.open()
    try:
        async with services.open_unit(is_read_only=False) as unit:
            await services.accounts.create_user(
                unit.session,
                username=user.username,
                password=password.reveal(),
                display_name=user.display_name,
                email=user.email,
                is_staff=user.is_staff,
            )
    finally:
        await services.close()


def set_password(app_name: str | None, username: str, *, reads_stdin: bool) -> None:
    """Ask for a new password and set it; every session of the user ends."""
    location = find_location(app_name)
    app = load_app(location)
    require_upgraded(app, location)
    if not reads_stdin:
        remark(
            "Only its owner should know a password: for somebody else, `fastness users invite` or a reset sends a link."
        )
    password = _read_line() if reads_stdin else _ask_twice()
    try:
        asyncio.run(_set_password(app, username, password))
    except PasswordRefusedError as error:
        raise CommandError(refusal_text(app.settings.passwords, error.reason)) from None
    say(f"Set the password of {printable(username)}; every device is signed out.")


async def _set_password(app: Fastness, username: str, password: Secret) -> None:
    services = app.services
    await services.open()
    try:
        async with services.open_unit(is_read_only=False) as unit:
            user = await find_user(unit.session, username)
            if user is None:
                raise CommandError("There is no user of this name.")
            needs = await services.password_links.needs_factor(unit.session, user)
            await services.accounts.set_password(unit.session, user, password.reveal(), has_second_factor=needs)
    finally:
        await services.close()


def _ask_twice() -> Secret:
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for the password; give it with --password-stdin.")
    password = getpass("Password: ")
    if getpass("The same again: ") != password:
        raise CommandError("The two passwords differ.")
    return _secret(password)


def _read_line() -> Secret:
    return _secret(sys.stdin.readline().removesuffix("\n").removesuffix("\r"))


def _secret(password: str) -> Secret:
    if not password:
        raise CommandError("The password is empty.")
    return Secret(password)


_USERNAME_TEXTS = {
    UsernameReason.EMPTY: "The user name is empty.",
    UsernameReason.TOO_LONG: "The user name is too long.",
    UsernameReason.CHARACTER: "The user name has a character that names cannot have, such as an invisible one.",
    UsernameReason.SPACES: "The user name has more than one space in a row.",
    UsernameReason.MIXED_ALPHABETS: "The user name mixes letters of several alphabets that look alike.",
}
