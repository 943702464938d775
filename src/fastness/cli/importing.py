"""`import django`: people come over with the password they have.

The plan is shown before anything is written, and with `--dry-run` nothing is. What was left out is listed with its reason.

ASVS 5.0: V16.3.3 (in the events), V8.2.1 (superusers only when asked for).
"""

import asyncio
from typing import Final

from sqlalchemy import select

from fastness.app import Fastness
from fastness.auth.djangoimport import STATEMENTS, ImportPlan, plan_import
from fastness.auth.djangowriting import DjangoImporter
from fastness.auth.roles import Role
from fastness.auth.users import User
from fastness.cli.databases import require_upgraded
from fastness.cli.errors import CommandError
from fastness.cli.location import find_location, load_app
from fastness.cli.terminal import printable, say
from fastness.db.foreign import read_tables
from fastness.kernel.because import Because

_BECAUSE: Final = Because("imported from a Django database on the command line")
_TEXTS: Final = {
    "name_taken": "the name is taken here; left as it is",
    "undeclared": "no enum in Fastness(…, permissions=[…]) declares it",
    "not_asked_for": "imported as an ordinary user; --superusers gives the role",
    "unusable": "has no password; can ask for a reset",
    "unknown_format": "the hash is of an unknown format; can ask for a reset",
    "malformed": "the mail address cannot be one; left empty",
}


def import_django(app_name: str | None, url: str, *, is_dry_run: bool, takes_superusers: bool) -> None:
    """Read, show, and write it unless it is a dry run."""
    location = find_location(app_name)
    app = load_app(location)
    require_upgraded(app, location)
    if not app.settings.passwords.accepts_django:
        raise CommandError(
            "Nobody could sign in with a hash of Django's: set FASTNESS_PASSWORDS_ACCEPTS_DJANGO=true first, and take it out "
            "again when everybody has signed in once or got a reset."
        )
    plan, existing = asyncio.run(_import(app, url, is_dry_run=is_dry_run, takes_superusers=takes_superusers))
    for left_out in plan.left_out:
        reason = _TEXTS.get(left_out.reason, left_out.reason)
        say(f"not imported: {left_out.kind} {printable(left_out.name)}: {reason}")
    for role in plan.roles:
        state = "exists, keeps its permissions" if role.name in existing else "new"
        permits = ", ".join(sorted(role.permissions)) or "nothing that is declared here"
        say(f"role {role.name} ({printable(role.label)}): {state}; in Django it permits {permits}")
    did = "Would import" if is_dry_run else "Imported"
    with_password = sum(user.password_hash is not None for user in plan.users)
    new_roles = sum(role.name not in existing for role in plan.roles)
    say(
        f"{did} {_counted(len(plan.users), 'user')}, {with_password} of them with a password, and {_counted(new_roles, 'role')}."
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


async def _import(
    app: Fastness, url: str, *, is_dry_run: bool, takes_superusers: bool
) -> tuple[ImportPlan, frozenset[str]]:
    services = app.services
    tables = await read_tables(url, STATEMENTS)
    await services.open()
    try:
        async with services.open_unit(is_read_only=is_dry_run, unscoped=_BECAUSE) as unit:
            db = unit.session
            plan = plan_import(
                tables,
                existing_keys=frozenset(await db.scalars(select(User.username_key))),
                catalogue=app.permissions,
                hasher=services.hasher,
                now=services.clock.now(),
                takes_superusers=takes_superusers,
            )
            existing = frozenset(await db.scalars(select(Role.name)))
            if not is_dry_run:
                importer = DjangoImporter(
                    roles=services.roles, store=services.store, events=services.events, clock=services.clock
                )
                await importer.write(db, plan, by=_BECAUSE)
        return plan, existing
    finally:
        await services.close()
