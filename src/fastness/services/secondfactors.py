"""Makes what checks second factors."""

from fastness.auth.factors import Factors
from fastness.auth.signing_in import SigningIn
from fastness.services.services import Services


def make_factors(services: Services) -> Factors:
    """Changes and checks second factors."""
    settings = services.settings
    return Factors(
        database=services.database,
        store=services.store,
        sessions=services.sessions,
        sealer=services.sealer,
        throttle=services.throttle,
        rules=settings.second_factors,
        events=services.events,
        clock=services.clock,
        notices=services.notices,
        hosts=settings.hosts,
        is_development=settings.is_development,
    )


def make_signing_in(services: Services) -> SigningIn:
    """Keeps what is pending after the password."""
    return SigningIn(
        database=services.database,
        store=services.store,
        rules=services.settings.second_factors,
        notices=services.notices,
        events=services.events,
        clock=services.clock,
    )
