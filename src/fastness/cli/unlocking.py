"""`users unlock`: let somebody try again at once who is held up by failed attempts, their own or an attacker's.

It forgets what was counted against the account, from every address and on every device; passwords, factors and sessions stay.
The owner is told by mail.
Under an attack that goes on the account is slowed again soon: sign in on a device that is known then.

ASVS 5.0: V6.1.1, V6.3.1, V16.3.3.
"""

from fastness.cli.roleunits import OPERATOR, run_with_services, user_named
from fastness.cli.terminal import printable, say
from fastness.mail.notices import Notice
from fastness.services.services import Services


def unlock(app_name: str | None, username: str) -> None:
    """Forget the failed attempts of one account."""

    async def work(services: Services) -> None:
        async with services.open_unit(is_read_only=False) as unit:
            user = await user_named(unit.session, username)
            await services.throttle.unlock(user.username, user.email, user_id=user.id, by=OPERATOR)
            await services.notices.tell(unit.session, user, Notice.SIGN_IN_UNLOCKED)

    run_with_services(app_name, work)
    say(f"{printable(username)} can try again at once.")
