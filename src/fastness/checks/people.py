"""Who may do more than others with a password alone.

A second factor is asked of them at their next sign-in, and whoever signs in with their password sets up its own. So until
they have one, the password is all there is. People are counted, not named: a report goes where their names should not.

ASVS 5.0: V6.3.3 (second factor).
"""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, exists, func, or_, select

from fastness.auth.factortables import TOTP, Passkey
from fastness.auth.roles import GROUP_MEMBERS, GROUP_ROLES, USER_PERMISSIONS, USER_ROLES
from fastness.auth.users import User
from fastness.checks.check import Deployment
from fastness.checks.storage import sqlite_file
from fastness.db.errors import MigrationError
from fastness.db.migrations import look, pending
from fastness.kernel.errors import UnavailableError
from fastness.kernel.findings import Finding, Notice, Severity, Topic

PASSWORD_ALONE: Final = Notice(
    id="FST-FACTORS-002",
    severity=Severity.LOW,
    title="People who may do more than others have no second factor yet",
    why="Whoever has the password of one of them signs in first, and sets up a second factor of their own.",
    fix="Have them sign in and set theirs up, and close the accounts that nobody uses.",
    topic=Topic.AUTHENTICATION,
    asvs=("V6.3.3",),
)

NOTICES: Final = (PASSWORD_ALONE,)


def check_people(deployment: Deployment) -> Iterator[Finding]:
    """How many there are, where the database is there and up to date."""
    settings = deployment.settings
    file = sqlite_file(settings.database_url, deployment.folder)
    if settings.is_development or (file is not None and not file.exists()):
        return
    try:
        if pending(settings.database_url, deployment.migrations, rules=settings.database):
            return
        count = look(settings.database_url, with_password_alone, rules=settings.database)
    except (UnavailableError, MigrationError):
        return  # the check of the migrations says so
    if count:
        yield PASSWORD_ALONE.found(where=f"{count} {'person' if count == 1 else 'people'}")


def with_password_alone(connection: Connection) -> int:
    """Active people with a password, with rights and without a second factor."""
    has_factor = or_(
        exists().where(TOTP.user_id == User.id),
        exists().where(Passkey.user_id == User.id),
    )
    in_group = exists().where(GROUP_MEMBERS.c.user_id == User.id, GROUP_MEMBERS.c.group_id == GROUP_ROLES.c.group_id)
    may_more = or_(
        User.is_staff,
        exists().where(USER_ROLES.c.user_id == User.id),
        exists().where(USER_PERMISSIONS.c.user_id == User.id),
        in_group,
    )
    statement = select(func.count()).where(User.is_active, User.password_hash.is_not(None), may_more, ~has_factor)
    return connection.execute(statement.select_from(User)).scalar_one()
