"""Makes what checks passwords and API tokens."""

from fastness.auth.breachlookup import RangeLookup
from fastness.auth.login import Login
from fastness.auth.passwordpolicy import PasswordPolicy
from fastness.auth.passwords import PasswordHasher
from fastness.auth.throttle import Throttle
from fastness.auth.tokens import APITokens
from fastness.auth.workers import HashingPool
from fastness.services.services import Services


def make_hasher(services: Services) -> PasswordHasher:
    """Hashes and checks passwords by the settings' rules."""
    return PasswordHasher(services.settings.passwords)


def make_hashing(services: Services) -> HashingPool:  # noqa: ARG001 - as all of these are called
    """The threads on which passwords are hashed."""
    return HashingPool()


def make_password_policy(services: Services) -> PasswordPolicy:
    """What a new password must be."""
    settings = services.settings
    return PasswordPolicy(
        settings.passwords,
        site_words=(settings.project, *settings.hosts.allowed),
        lookup=RangeLookup(settings.passwords) if settings.passwords.breach_lookup_url else None,
    )


def make_throttle(services: Services) -> Throttle:
    """Counts attempts to sign in, and slows down whoever guesses."""
    return Throttle(
        services.settings.throttle,
        store=services.store,
        keyring=services.keyring,
        events=services.events,
        clock=services.clock,
    )


def make_login(services: Services) -> Login:
    """The one place where a password signs somebody in."""
    return Login(
        database=services.database,
        store=services.store,
        hasher=services.hasher,
        pool=services.hashing,
        keyring=services.keyring,
        throttle=services.throttle,
        second_factors=services.settings.second_factors,
        notices=services.notices,
        events=services.events,
        clock=services.clock,
    )


def make_tokens(services: Services) -> APITokens:
    """Makes, checks and ends API tokens."""
    return APITokens(
        database=services.database,
        store=services.store,
        rules=services.settings.tokens,
        catalogue=services.permissions,
        notices=services.notices,
        events=services.events,
        clock=services.clock,
    )
