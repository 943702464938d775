"""`db`: the database is brought to what the code expects, before the code runs.

ASVS 5.0: V2.3.3 (as a whole or not at all).
"""

import re
from pathlib import Path
from typing import Final

from fastness.app import Fastness
from fastness.authz.registry import registry
from fastness.authz.rls import OFF, SCHEMA, digest_of, row_security_statements
from fastness.cli.errors import CommandError
from fastness.cli.location import Location, find_location, load_app
from fastness.cli.terminal import printable, say
from fastness.db.migrations import current, newest_first, pending, revision, upgrade, write_statements
from fastness.db.model import Model

_DIGEST: Final = re.compile(rf"COMMENT ON SCHEMA {SCHEMA} IS '(\w+)'")


def upgrade_database(app_name: str | None) -> None:
    """Run what is missing, and say what ran."""
    location = find_location(app_name)
    done = upgrade_quietly(load_app(location), location)
    for name in done:
        say(f"ran {printable(name)}")
    say("The database is up to date.")


def upgrade_quietly(app: Fastness, location: Location) -> tuple[str, ...]:
    """Run what is missing; the database's folder is made if it is not there."""
    make_database_folder(app, location)
    settings = app.settings
    return upgrade(
        settings.migrations_url or settings.database_url, location.migrations_if_there, rules=settings.database
    )


def write_revision(app_name: str | None, message: str, *, is_empty: bool) -> None:
    """Write a migration into the app's folder."""
    location = find_location(app_name)
    app = load_app(location)
    app.seal()  # what the routes import may hold models too
    file = revision(
        app.settings.migrations_url or app.settings.database_url,
        location.migrations,
        message,
        metadata=Model.metadata,
        is_empty=is_empty,
        rules=app.settings.database,
    )
    if file is None:
        say("The database is what the models say; nothing to write.")
        return
    say(f"wrote {printable(str(file))}")
    say("Read it before you run it: `fastness db upgrade`.")


def write_row_security(app_name: str | None, message: str) -> None:
    """Write a migration that enforces the policies in the database."""
    location = find_location(app_name)
    app = load_app(location)
    app.seal()
    statements = row_security_statements()
    last = last_digest(location.migrations)
    if not registry().has_row_security and last is None:
        raise CommandError("No policy asks for row-level security; put row_security = True into its class.")
    if digest_of(statements) == last:
        say("The last migration of row-level security says the same; nothing to write.")
        return
    file = write_statements(location.migrations, message, upgrades=statements, downgrades=OFF)
    say(f"wrote {printable(str(file))}")
    say("Read it before you run it: `fastness db upgrade`. Only PostgreSQL takes notice.")


def last_digest(folder: Path) -> str | None:
    """The digest of the rules in the newest migration that has some."""
    found = (_DIGEST.search(file.read_text(encoding="utf-8")) for file in newest_first(folder))
    return next((each[1] for each in found if each is not None), None)


def show_current(app_name: str | None) -> None:
    """Show the revisions of the database, and those that are missing."""
    location = find_location(app_name)
    settings = load_app(location).settings
    url, folder, rules = settings.database_url, location.migrations_if_there, settings.database
    for name in current(url, folder, rules=rules) or ("none",):
        say(f"at {printable(name)}")
    for name in pending(url, folder, rules=rules):
        say(f"missing {printable(name)}")


def require_upgraded(app: Fastness, location: Location) -> None:
    """Raise `CommandError` if tables may be missing."""
    settings = app.settings
    if pending(settings.database_url, location.migrations_if_there, rules=settings.database):
        raise CommandError("The database is not up to date; run `fastness db upgrade` first.")


def make_database_folder(app: Fastness, location: Location) -> None:
    """Make the folder of the database for this account only."""
    prefix, _, path = app.settings.database_url.partition(":///")
    if prefix.startswith("sqlite") and path:
        (location.folder / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
