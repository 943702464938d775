"""`db`: the database is brought to what the code expects, before the code runs.

ASVS 5.0: V2.3.3 (as a whole or not at all).
"""

from fastness.app import Fastness
from fastness.cli.errors import CommandError
from fastness.cli.location import Location, find_location, load_app
from fastness.cli.terminal import printable, say
from fastness.db.migrations import current, pending, revision, upgrade
from fastness.db.model import Model


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
    return upgrade(settings.database_url, location.migrations_if_there, rules=settings.database)


def write_revision(app_name: str | None, message: str, *, is_empty: bool) -> None:
    """Write a migration into the app's folder."""
    location = find_location(app_name)
    app = load_app(location)
    app.seal()  # what the routes import may hold models too
    file = revision(
        app.settings.database_url,
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
