"""Makes what reads and writes the app's data."""

from fastness.authz.objects import Objects
from fastness.db.engine import Database
from fastness.services.services import Services


def make_database(services: Services) -> Database:
    """The app's database."""
    return Database(services.settings.database_url, rules=services.settings.database)


def make_objects(services: Services) -> Objects:  # noqa: ARG001 - as all of these are called
    """Finds objects of models with a policy."""
    return Objects()
