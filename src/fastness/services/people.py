"""Makes what creates and changes accounts, and what people may do."""

from fastness.auth.accounts import Accounts
from fastness.auth.address_links import AddressLinks
from fastness.auth.granting import Roles
from fastness.auth.links import Links
from fastness.auth.notices import Notices
from fastness.auth.own_password import OwnPassword
from fastness.auth.password_links import PasswordLinks
from fastness.auth.personal_data import PersonalData
from fastness.auth.sign_ups import SignUps
from fastness.services.services import Services


def make_accounts(services: Services) -> Accounts:
    """Creates and changes users."""
    return Accounts(
        store=services.store,
        sessions=services.sessions,
        hasher=services.hasher,
        pool=services.hashing,
        events=services.events,
        clock=services.clock,
        policy=services.password_policy,
    )


def make_links(services: Services) -> Links:
    """One-time links."""
    return Links(clock=services.clock, events=services.events)


def make_address_links(services: Services) -> AddressLinks:
    """Confirms and changes mail addresses."""
    return AddressLinks(
        accounts=services.accounts,
        links=services.links,
        outbox=services.outbox,
        rules=services.settings.accounts,
        events=services.events,
        clock=services.clock,
    )


def make_personal_data(services: Services) -> PersonalData:
    """Collects what is kept about somebody."""
    return PersonalData(services.exporters, clock=services.clock)


def make_sign_ups(services: Services) -> SignUps:
    """Begins and completes sign-ups."""
    return SignUps(
        database=services.database,
        accounts=services.accounts,
        links=services.links,
        outbox=services.outbox,
        rules=services.settings.accounts,
        policy=services.password_policy,
        hook=services.on_sign_up,
    )


def make_password_links(services: Services) -> PasswordLinks:
    """Resets and invitations."""
    return PasswordLinks(
        database=services.database,
        accounts=services.accounts,
        links=services.links,
        outbox=services.outbox,
        rules=services.settings.accounts,
        policy=services.password_policy,
        second_factors=services.settings.second_factors,
        clock=services.clock,
    )


def make_own_password(services: Services) -> OwnPassword:
    """Changes the password of who is signed in."""
    return OwnPassword(
        database=services.database,
        accounts=services.accounts,
        outbox=services.outbox,
        policy=services.password_policy,
        clock=services.clock,
    )


def make_roles(services: Services) -> Roles:
    """Changes roles, groups, and who holds what."""
    return Roles(
        store=services.store,
        catalogue=services.permissions,
        notices=services.notices,
        events=services.events,
        clock=services.clock,
    )


def make_notices(services: Services) -> Notices:
    """Tells people what happens to their accounts."""
    return Notices(
        outbox=services.outbox,
        devices=services.throttle.devices,
        site=services.settings.hosts.site_name,
        clock=services.clock,
    )
