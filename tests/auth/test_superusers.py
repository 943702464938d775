"""Somebody is left who may do everything, whatever is taken, in whichever order, at once."""

import asyncio

import pytest

from fastness.auth.errors import LastSuperuserError
from fastness.auth.granting import Roles
from fastness.auth.superusers import has_superuser
from fastness.auth.users import User
from fastness.authz.permissions import PermissionCatalogue
from fastness.db.errors import TransactionConflictError
from fastness.db.unit import Unit, run_in_unit
from fastness.kernel.because import Because

SETUP = Because("set up by a test")
MEANT = Because("the operators do it from the machine")


@pytest.fixture
def roles(store, notices, events, clock):
    catalogue = PermissionCatalogue([])
    return Roles(store=store, catalogue=catalogue, notices=notices, events=events, clock=clock)


@pytest.fixture
async def people(database, accounts):
    async with Unit(database, is_read_only=False) as unit:
        return [await accounts.create_user(unit.session, username=name, password=None) for name in ("ada", "bob")]


class Site:
    """What the tests change, each change in a unit of its own."""

    def __init__(self, database, roles, accounts):
        self.database, self.roles, self.accounts = database, roles, accounts

    async def act(self, change):
        return await run_in_unit(self.database, change, is_read_only=False)

    async def promote(self, user):
        async def change(db):
            return await self.roles.grant_role(db, await self.roles.superuser_role(db), to=user, by=SETUP)

        await self.act(change)

    async def promote_group(self, *users):
        async def change(db):
            group = await self.roles.create_group(db, "Chiefs", by=SETUP)
            await self.roles.grant_role(db, await self.roles.superuser_role(db), to=group, by=SETUP)
            for user in users:
                await self.roles.add_member(db, group, user, by=SETUP)
            return group

        return await self.act(change)

    async def revoke(self, holder, **options):
        async def change(db):
            role = await self.roles.superuser_role(db)
            return await self.roles.revoke_role(db, role, of=holder, by=SETUP, **options)

        return await self.act(change)

    async def close(self, user, **options):
        async def change(db):
            found = await db.get(User, user.id)
            return await self.accounts.set_active(db, found, is_active=False, **options)

        return await self.act(change)

    async def has_one(self):
        async with Unit(self.database, is_read_only=True) as unit:
            return await has_superuser(unit.session)


@pytest.fixture
def site(database, roles, accounts):
    return Site(database, roles, accounts)


async def test_the_last_one_is_not_revoked_and_the_one_before_is(site, people):
    ada, bob = people
    await site.promote(ada)
    await site.promote(bob)
    assert await site.revoke(bob)
    with pytest.raises(LastSuperuserError):
        await site.revoke(ada)
    assert await site.has_one()
    assert not await site.revoke(bob), "what is so already stays no change"


async def test_the_last_one_is_not_closed(site, people):
    ada, bob = people
    await site.promote(ada)
    await site.close(bob)
    with pytest.raises(LastSuperuserError):
        await site.close(ada)
    assert await site.has_one()


async def test_a_closed_account_is_none(site, people):
    ada, bob = people
    await site.promote(ada)
    await site.promote(bob)
    await site.close(bob)
    with pytest.raises(LastSuperuserError):
        await site.revoke(ada)
    assert await site.revoke(bob)


async def test_a_group_is_no_way_round(site, roles, people):
    ada, _ = people
    group = await site.promote_group(ada)
    with pytest.raises(LastSuperuserError):
        await site.revoke(group)
    with pytest.raises(LastSuperuserError):
        await site.act(lambda db: roles.remove_member(db, group, ada, by=SETUP))
    with pytest.raises(LastSuperuserError):
        await site.act(lambda db: roles.delete_group(db, group, by=SETUP))
    assert await site.has_one()


async def test_who_means_it_says_why(site, people):
    ada, bob = people
    await site.promote(ada)
    assert await site.revoke(ada, insecure_without_superuser=MEANT)
    assert not await site.has_one()
    await site.close(bob)
    await site.promote(ada)
    await site.close(ada, insecure_without_superuser=MEANT)
    assert not await site.has_one()


@pytest.mark.parametrize("way", ["revoke", "close"])
async def test_two_at_once_do_not_take_each_other(site, people, way):
    for user in people:
        await site.promote(user)
    ended = await asyncio.gather(*(getattr(site, way)(user) for user in people), return_exceptions=True)
    refused = [one for one in ended if isinstance(one, LastSuperuserError | TransactionConflictError)]
    assert len(refused) == 1, ended
    assert await site.has_one()
