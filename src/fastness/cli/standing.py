"""`users close`, `reopen`, `staff` and `end-sessions`: who may be signed in, and as what, from the machine that runs the app.

What is ended is refused from its next request on, in every worker process, and its open sockets are closed within seconds.
A sign-in that is under way, or waits for its second factor, begins anew. API tokens stay with `end-sessions`, which is about
people, and end with `close`.

ASVS 5.0: V7.4.2, V7.4.5 (administrators end sessions, of one person or of all), V16.3.3.
"""

from sqlalchemy import select

from fastness.auth.users import User
from fastness.cli.errors import CommandError
from fastness.cli.roleunits import OPERATOR, run_with_services, user_named
from fastness.cli.terminal import printable, say
from fastness.kernel.because import Because
from fastness.kernel.events import EventName
from fastness.services.services import Services


def set_active(app_name: str | None, username: str, *, is_active: bool, leaving_none: str | None = None) -> None:
    """Open or close an account."""
    why = None if leaving_none is None else Because(leaving_none)

    async def change(services: Services) -> None:
        async with services.open_unit(is_read_only=False) as unit:
            user = await user_named(unit.session, username)
            if user.is_active is is_active:
                raise CommandError(f"The account is {'open' if is_active else 'closed'} already.")
            await services.accounts.set_active(unit.session, user, is_active=is_active, insecure_without_superuser=why)

    run_with_services(app_name, change)
    state = "open again" if is_active else "closed, and signed out everywhere"
    say(f"The account of {printable(username)} is {state}.")


def set_staff(app_name: str | None, username: str, *, is_staff: bool) -> None:
    """Mark somebody as staff, or take the mark away."""

    async def change(services: Services) -> None:
        async with services.open_unit(is_read_only=False) as unit:
            user = await user_named(unit.session, username)
            if user.is_staff is is_staff:
                raise CommandError(f"{printable(username)} is {'staff already' if is_staff else 'not staff'}.")
            await services.accounts.set_staff(unit.session, user, is_staff=is_staff)

    run_with_services(app_name, change)
    say(f"{printable(username)} is {'staff now' if is_staff else 'no longer staff'}.")


def end_sessions(app_name: str | None, username: str | None) -> None:
    """End the sessions of one person, or of everybody."""

    async def end(services: Services) -> int:
        async with services.open_unit(is_read_only=True) as unit:
            who = None if username is None else await user_named(unit.session, username)
            user_ids = [who.id] if who is not None else list(await unit.session.scalars(select(User.id)))
        detail = {"by": OPERATOR, "whose": "everybody" if who is None else str(who.id)}
        services.report(EventName.SESSION_ENDED, "administrator", detail)
        return sum([(await services.sessions.end_all(one)).live for one in user_ids])

    count = run_with_services(app_name, end)
    say(f"Ended {count} session{'' if count == 1 else 's'}.")
