"""Makes what encrypts, and what is kept encrypted."""

from fastness.auth.answers import Answers
from fastness.auth.sealing import Sealer
from fastness.services.services import Services


def make_sealer(services: Services) -> Sealer:
    """Encrypts what the database holds and only the app may read."""
    return Sealer(services.keyring)


def make_answers(services: Services) -> Answers:
    """Keeps the answers of requests that are named by a key."""
    return Answers(database=services.database, sealer=services.sealer, clock=services.clock)
