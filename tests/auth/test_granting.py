"""Roles, groups and permissions change while the app runs, on both databases."""

import asyncio
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, select

from fastness.auth.errors import (
    GrantRefusedError,
    GroupNameError,
    NameTakenError,
    ProtectedRoleError,
    UndeclaredPermissionError,
    VanishedError,
)
from fastness.auth.escalation import EscalationReason
from fastness.auth.granting import Roles
from fastness.auth.holdings import load_holdings
from fastness.auth.identities import load_identity
from fastness.auth.roles import (
    GROUP_MEMBERS,
    GROUP_ROLES,
    ROLE_PERMISSIONS,
    USER_ROLES,
    Group,
    Role,
    find_group,
)
from fastness.auth.users import User
from fastness.authz.actors import ANONYMOUS, Actor
from fastness.authz.permissions import PermissionCatalogue, Permissions
from fastness.authz.rolenames import RoleNameError
from fastness.db.engine import Database
from fastness.db.unit import Unit
from fastness.kernel.because import Because
from fastness.kernel.events import EventName
from fastness.sessions.identity import SUPERUSER
from fastness.stores.store import StoreUnavailableError

SETUP = Because("set up by a test")


class ShopPermissions(Permissions):
    SELL = "shop.sell", "May sell."
    REFUND = "shop.refund", "May pay money back."
    AUDIT = "shop.audit", "May read the books."


@pytest.fixture
def roles(store, notices, events, clock):
    catalogue = PermissionCatalogue([ShopPermissions])
    return Roles(store=store, catalogue=catalogue, notices=notices, events=events, clock=clock)


@pytest.fixture
async def people(database, accounts, events):
    """Ada and Bob, as they are found by name."""
    async with Unit(database, is_read_only=False) as unit:
        made = {
            name: await accounts.create_user(unit.session, username=name, password=None)
            for name in ("ada", "bob", "eve")
        }
    events.events.clear()
    return SimpleNamespace(**made)


@pytest.fixture
def act(database):
    """Runs one change in a unit of its own."""

    async def run(change):
        async with Unit(database, is_read_only=False) as unit:
            return await change(unit.session)

    return run


@pytest.fixture
def held(database):
    async def load(user):
        async with Unit(database, is_read_only=True) as unit:
            holdings = await load_holdings(unit.session, user.id)
        return set(holdings.roles), set(holdings.permissions)

    return load


@pytest.fixture
def actor_of(held):
    async def make(user):
        names, permissions = await held(user)
        return Actor(
            id=user.id,
            roles=frozenset(names),
            permissions=frozenset(permissions),
            is_superuser=SUPERUSER in names,
        )

    return make


@pytest.fixture
async def shop(act, roles, people):
    """Role seller (sell) for Ada and, through the group Staff, for Bob; role auditor (audit) for nobody."""

    async def make(db):
        seller = await roles.create_role(db, "seller", by=SETUP, label="Seller", permissions=[ShopPermissions.SELL])
        auditor = await roles.create_role(db, "auditor", by=SETUP, permissions=[ShopPermissions.AUDIT])
        staff = await roles.create_group(db, "Staff", by=SETUP)
        await roles.grant_role(db, seller, to=people.ada, by=SETUP)
        await roles.grant_role(db, seller, to=staff, by=SETUP)
        await roles.add_member(db, staff, people.bob, by=SETUP)
        return SimpleNamespace(seller=seller, auditor=auditor, staff=staff)

    return await act(make)


async def test_somebody_holds_what_they_were_given_directly_and_through_groups(shop, people, held, act, roles):
    assert await held(people.ada) == ({"seller"}, {"shop.sell"})
    assert await held(people.bob) == ({"seller"}, {"shop.sell"})
    assert await held(people.eve) == (set(), set())
    assert await act(lambda db: roles.grant_permission(db, ShopPermissions.REFUND, to=people.eve, by=SETUP))
    assert await held(people.eve) == (set(), {"shop.refund"})
    assert await act(lambda db: roles.revoke_permission(db, "shop.refund", of=people.eve, by=SETUP))
    assert await held(people.eve) == (set(), set())


CHANGES = [
    pytest.param(
        lambda r, db, s, p: r.grant_role(db, s.auditor, to=p.ada, by=SETUP),
        {"ada"},
        "role_granted",
        {"role": "auditor"},
        id="grant-to-user",
    ),
    pytest.param(
        lambda r, db, s, p: r.grant_role(db, s.auditor, to=s.staff, by=SETUP),
        {"bob"},
        "role_granted",
        {"role": "auditor", "group": "Staff"},
        id="grant-to-group",
    ),
    pytest.param(
        lambda r, db, s, p: r.revoke_role(db, s.seller, of=p.ada, by=SETUP),
        {"ada"},
        "role_revoked",
        {"role": "seller"},
        id="revoke-from-user",
    ),
    pytest.param(
        lambda r, db, s, p: r.revoke_role(db, s.seller, of=s.staff, by=SETUP),
        {"bob"},
        "role_revoked",
        {"role": "seller", "group": "Staff"},
        id="revoke-from-group",
    ),
    pytest.param(
        lambda r, db, s, p: r.set_permissions(db, s.seller, ["shop.refund"], by=SETUP),
        {"ada", "bob"},
        "role_permissions",
        {"role": "seller", "given": "shop.refund", "taken": "shop.sell"},
        id="set-permissions",
    ),
    pytest.param(
        lambda r, db, s, p: r.set_permissions(db, s.auditor, [], by=SETUP),
        set(),
        "role_permissions",
        {"role": "auditor", "taken": "shop.audit"},
        id="set-permissions-of-nobody's",
    ),
    pytest.param(
        lambda r, db, s, p: r.rename_role(db, s.seller, "clerk", by=SETUP),
        {"ada", "bob"},
        "role_renamed",
        {"role": "clerk", "former": "seller"},
        id="rename-role",
    ),
    pytest.param(
        lambda r, db, s, p: r.delete_role(db, s.seller, by=SETUP),
        {"ada", "bob"},
        "role_deleted",
        {"role": "seller", "holders": "2"},
        id="delete-role",
    ),
    pytest.param(
        lambda r, db, s, p: r.grant_permission(db, "shop.refund", to=p.eve, by=SETUP),
        {"eve"},
        "permission_granted",
        {"permission": "shop.refund"},
        id="grant-permission",
    ),
    pytest.param(
        lambda r, db, s, p: r.add_member(db, s.staff, p.eve, by=SETUP),
        {"eve"},
        "member_added",
        {"group": "Staff"},
        id="add-member",
    ),
    pytest.param(
        lambda r, db, s, p: r.remove_member(db, s.staff, p.bob, by=SETUP),
        {"bob"},
        "member_removed",
        {"group": "Staff"},
        id="remove-member",
    ),
    pytest.param(
        lambda r, db, s, p: r.delete_group(db, s.staff, by=SETUP),
        {"bob"},
        "group_deleted",
        {"group": "Staff", "members": "1"},
        id="delete-group",
    ),
    pytest.param(
        lambda r, db, s, p: r.rename_group(db, s.staff, "Crew", by=SETUP),
        set(),
        "group_renamed",
        {"group": "Crew", "former": "Staff"},
        id="rename-group",
    ),
    pytest.param(
        lambda r, db, s, p: r.create_role(db, "porter", by=SETUP, permissions=["shop.sell"]),
        set(),
        "role_created",
        {"role": "porter", "given": "shop.sell"},
        id="create-role",
    ),
]


async def epochs(store, people):
    return {name: await store.epoch(str(user.id)) for name, user in vars(people).items()}


@pytest.mark.parametrize(("change", "concerned", "reason", "detail"), CHANGES)
async def test_every_change_raises_the_epochs_of_those_concerned_before_the_commit_and_tells_after_it(
    database, store, roles, shop, people, events, change, concerned, reason, detail
):
    before = await epochs(store, people)
    events.events.clear()
    unit = Unit(database, is_read_only=False)
    await change(roles, unit.session, shop, people)
    after = await epochs(store, people)
    assert {name for name in before if after[name] > before[name]} == concerned
    assert events.events == []
    await unit.finish(200)
    (event,) = events.events
    assert event.reason == reason
    assert event.name in {EventName.AUTHZ_CHANGE, EventName.PRIVILEGE_PERMISSIONS_CHANGED}
    assert {**event.detail, **detail, "because": SETUP.text} == dict(event.detail)


@pytest.mark.parametrize("change", [pytest.param(one.values[0], id=one.id) for one in CHANGES])
async def test_what_is_rolled_back_holds_for_nobody_and_is_not_told(
    database, roles, shop, people, held, events, change
):
    before = [await held(user) for user in vars(people).values()]
    events.events.clear()
    unit = Unit(database, is_read_only=False)
    await change(roles, unit.session, shop, people)
    await unit.finish(500)
    assert [await held(user) for user in vars(people).values()] == before
    assert events.events == []


@pytest.mark.parametrize("change", [pytest.param(one.values[0], id=one.id) for one in CHANGES if one.values[1]])
async def test_with_the_store_down_nothing_changes(act, store, roles, shop, people, held, events, change):
    before = [await held(user) for user in vars(people).values()]
    events.events.clear()
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await act(lambda db: change(roles, db, shop, people))
    assert [await held(user) for user in vars(people).values()] == before
    assert events.events == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda r, db, s, p: r.grant_role(db, s.seller, to=p.ada, by=SETUP), id="granted-already"),
        pytest.param(lambda r, db, s, p: r.revoke_role(db, s.auditor, of=p.ada, by=SETUP), id="never-granted"),
        pytest.param(lambda r, db, s, p: r.set_permissions(db, s.seller, ["shop.sell"], by=SETUP), id="set-the-same"),
        pytest.param(lambda r, db, s, p: r.add_member(db, s.staff, p.bob, by=SETUP), id="member-already"),
        pytest.param(lambda r, db, s, p: r.remove_member(db, s.staff, p.ada, by=SETUP), id="never-a-member"),
        pytest.param(lambda r, db, s, p: r.revoke_permission(db, "shop.gone", of=p.ada, by=SETUP), id="undeclared"),
    ],
)
async def test_what_is_so_already_is_no_change(act, store, roles, shop, people, events, change):
    before = await epochs(store, people)
    events.events.clear()
    assert await act(lambda db: change(roles, db, shop, people)) is False
    assert await epochs(store, people) == before
    assert events.events == []


async def test_a_role_of_two_ways_is_kept_while_one_is_left(act, roles, shop, people, held):
    await act(lambda db: roles.add_member(db, shop.staff, people.ada, by=SETUP))
    await act(lambda db: roles.revoke_role(db, shop.seller, of=people.ada, by=SETUP))
    assert await held(people.ada) == ({"seller"}, {"shop.sell"})
    await act(lambda db: roles.remove_member(db, shop.staff, people.ada, by=SETUP))
    assert await held(people.ada) == (set(), set())


async def test_a_deleted_role_leaves_nothing_and_its_name_begins_anew(act, database, roles, shop, people, held):
    await act(lambda db: roles.delete_role(db, shop.seller, by=SETUP))
    async with Unit(database, is_read_only=True) as unit:
        for table in (ROLE_PERMISSIONS, USER_ROLES, GROUP_ROLES):
            assert (await unit.session.execute(select(table).where(table.c.role_id == shop.seller.id))).all() == []
    again = await act(lambda db: roles.create_role(db, "seller", by=SETUP, permissions=["shop.refund"]))
    assert again.id != shop.seller.id
    assert [await held(user) for user in vars(people).values()] == [(set(), set())] * 3
    with pytest.raises(VanishedError):
        await act(lambda db: roles.grant_role(db, shop.seller, to=people.ada, by=SETUP))


async def test_a_deleted_user_is_in_no_group_and_cannot_be_given_anything(act, database, roles, shop, people):
    await act(lambda db: db.execute(delete(User).where(User.id == people.bob.id)))
    async with Unit(database, is_read_only=True) as unit:
        assert (await unit.session.execute(select(GROUP_MEMBERS))).all() == []
    with pytest.raises(VanishedError):
        await act(lambda db: roles.grant_role(db, shop.seller, to=people.bob, by=SETUP))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(lambda r, db, s, p: r.create_role(db, "seller", by=SETUP), NameTakenError, id="role-taken"),
        pytest.param(lambda r, db, s, p: r.create_role(db, "Seller", by=SETUP), RoleNameError, id="role-capital"),
        pytest.param(lambda r, db, s, p: r.create_role(db, "\u0455eller", by=SETUP), RoleNameError, id="cyrillic"),
        pytest.param(
            lambda r, db, s, p: r.create_role(db, "porter", by=SETUP, label="x" * 255), RoleNameError, id="label"
        ),
        pytest.param(lambda r, db, s, p: r.create_role(db, SUPERUSER, by=SETUP), ProtectedRoleError, id="superuser"),
        pytest.param(
            lambda r, db, s, p: r.rename_role(db, s.seller, SUPERUSER, by=SETUP), ProtectedRoleError, id="to-superuser"
        ),
        pytest.param(
            lambda r, db, s, p: r.rename_role(db, s.seller, "auditor", by=SETUP), NameTakenError, id="rename-taken"
        ),
        pytest.param(
            lambda r, db, s, p: r.set_permissions(db, s.seller, ["shop.sel"], by=SETUP),
            UndeclaredPermissionError,
            id="undeclared",
        ),
        pytest.param(
            lambda r, db, s, p: r.grant_permission(db, "shop.s\u0435ll", to=p.ada, by=SETUP),
            UndeclaredPermissionError,
            id="look-alike",
        ),
        pytest.param(
            lambda r, db, s, p: r.create_role(db, "porter", by=SETUP, permissions="shop.sell"),
            UndeclaredPermissionError,
            id="letters-of-one-name",
        ),
        pytest.param(lambda r, db, s, p: r.create_group(db, "\uff33taff", by=SETUP), NameTakenError, id="group-wide"),
        pytest.param(lambda r, db, s, p: r.create_group(db, "STAFF", by=SETUP), NameTakenError, id="group-case"),
        pytest.param(lambda r, db, s, p: r.create_group(db, "St\u202eaff", by=SETUP), GroupNameError, id="group-bidi"),
        pytest.param(lambda r, db, s, p: r.create_group(db, "St\u0430ff", by=SETUP), GroupNameError, id="group-mixed"),
    ],
)
async def test_what_cannot_be_is_refused_and_the_unit_can_go_on(database, roles, shop, people, events, change, error):
    events.events.clear()
    async with Unit(database, is_read_only=False) as unit:
        with pytest.raises(error):
            await change(roles, unit.session, shop, people)
        await roles.create_group(unit.session, "Night shift", by=SETUP)
    assert [event.reason for event in events.events] == ["group_created"]
    async with Unit(database, is_read_only=True) as unit:
        assert await find_group(unit.session, "NIGHT  SHIFT") is None
        assert (await find_group(unit.session, "night shift")).name == "Night shift"
        assert set(await unit.session.scalars(select(Role.name))) == {"seller", "auditor"}
        assert set(await unit.session.scalars(select(Group.name))) == {"Staff", "Night shift"}


# The superuser.


async def test_the_superuser_is_a_role_that_is_granted_like_another(act, roles, people, held, events):
    async def promote(db):
        role = await roles.superuser_role(db)
        assert (await roles.superuser_role(db)).id == role.id
        return await roles.grant_role(db, role, to=people.ada, by=SETUP)

    assert await act(promote)
    assert await held(people.ada) == ({SUPERUSER}, set())
    assert events.events[-1].detail["role"] == SUPERUSER


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda r, db, role: r.delete_role(db, role, by=SETUP), id="delete"),
        pytest.param(lambda r, db, role: r.rename_role(db, role, "root", by=SETUP), id="rename"),
        pytest.param(lambda r, db, role: r.set_permissions(db, role, ["shop.sell"], by=SETUP), id="permissions"),
    ],
)
async def test_the_superuser_s_role_stays_as_it_is(act, roles, people, change):
    role = await act(roles.superuser_role)
    with pytest.raises(ProtectedRoleError):
        await act(lambda db: change(roles, db, role))


# Who changes it.


@pytest.fixture
async def manager(act, roles, shop, people):
    """Eve may sell, through the role manager, and is in no group."""

    async def make(db):
        role = await roles.create_role(db, "manager", by=SETUP, permissions=["shop.sell"])
        await roles.grant_role(db, role, to=people.eve, by=SETUP)
        return role

    return await act(make)


REFUSALS = [
    pytest.param(
        lambda r, db, s, p, m, by: r.grant_role(db, s.seller, to=p.eve, by=by), "self_grant", id="role-to-oneself"
    ),
    pytest.param(
        lambda r, db, s, p, m, by: r.grant_role(db, m, to=p.eve, by=by), "self_grant", id="role-they-have-already"
    ),
    pytest.param(
        lambda r, db, s, p, m, by: r.grant_permission(db, "shop.sell", to=p.eve, by=by), "self_grant", id="permission"
    ),
    pytest.param(lambda r, db, s, p, m, by: r.add_member(db, s.staff, p.eve, by=by), "self_grant", id="joins-a-group"),
    pytest.param(
        lambda r, db, s, p, m, by: r.set_permissions(db, m, ["shop.sell", "shop.audit"], by=by),
        "self_grant",
        id="adds-to-their-role",
    ),
    pytest.param(
        lambda r, db, s, p, m, by: r.rename_role(db, m, "owner", by=by), "self_grant", id="renames-their-role"
    ),
    pytest.param(
        lambda r, db, s, p, m, by: r.grant_role(db, s.auditor, to=p.ada, by=by), "beyond_own", id="what-they-lack"
    ),
    pytest.param(
        lambda r, db, s, p, m, by: r.grant_permission(db, "shop.audit", to=p.ada, by=by),
        "beyond_own",
        id="permission-they-lack",
    ),
    pytest.param(
        lambda r, db, s, p, m, by: r.set_permissions(db, s.seller, ["shop.sell", "shop.audit"], by=by),
        "beyond_own",
        id="into-another's-role",
    ),
    pytest.param(
        lambda r, db, s, p, m, by: r.create_role(db, "spy", by=by, permissions=["shop.audit"]),
        "beyond_own",
        id="into-a-new-role",
    ),
]


@pytest.mark.parametrize(("change", "reason"), REFUSALS)
async def test_nobody_gives_what_they_do_not_hold(
    act, roles, shop, people, manager, held, actor_of, events, change, reason
):
    eve = await actor_of(people.eve)
    before = [await held(user) for user in vars(people).values()]
    events.events.clear()
    with pytest.raises(GrantRefusedError) as caught:
        await act(lambda db: change(roles, db, shop, people, manager, eve))
    assert caught.value.reason == reason
    assert [await held(user) for user in vars(people).values()] == before
    assert events.events == []


@pytest.mark.parametrize("change", [pytest.param(one.values[0], id=one.id) for one in REFUSALS])
async def test_a_superuser_may_and_is_named(act, roles, shop, people, manager, actor_of, events, change):
    async def promote(db):
        await roles.grant_role(db, await roles.superuser_role(db), to=people.eve, by=SETUP)

    await act(promote)
    eve = await actor_of(people.eve)
    events.events.clear()
    await act(lambda db: change(roles, db, shop, people, manager, eve))
    for event in events.events:
        assert event.user_id == str(people.eve.id)
        assert event.detail["giver"] == SUPERUSER


async def test_a_manager_gives_what_they_hold_and_takes_back(act, roles, shop, people, manager, actor_of, events):
    eve = await actor_of(people.eve)
    events.events.clear()
    assert await act(lambda db: roles.revoke_role(db, shop.seller, of=people.ada, by=eve))
    assert await act(lambda db: roles.grant_role(db, shop.seller, to=people.ada, by=eve))
    assert await act(lambda db: roles.revoke_role(db, manager, of=people.eve, by=eve))
    assert [event.reason for event in events.events] == ["role_revoked", "role_granted", "role_revoked"]
    assert {event.user_id for event in events.events} == {str(people.eve.id)}
    assert [event.detail["user"] for event in events.events] == [
        str(user.id) for user in (people.ada, people.ada, people.eve)
    ]


async def test_only_a_superuser_makes_and_unmakes_one(act, roles, shop, people, manager, actor_of):
    async def promote(db):
        role = await roles.superuser_role(db)
        await roles.grant_role(db, role, to=people.ada, by=SETUP)
        await roles.grant_role(db, role, to=shop.staff, by=SETUP)
        return role

    role = await act(promote)
    eve = await actor_of(people.eve)
    for change in (
        lambda db: roles.grant_role(db, role, to=people.bob, by=eve),
        lambda db: roles.revoke_role(db, role, of=people.ada, by=eve),
        lambda db: roles.add_member(db, shop.staff, people.ada, by=eve),
        lambda db: roles.remove_member(db, shop.staff, people.bob, by=eve),
        lambda db: roles.delete_group(db, shop.staff, by=eve),
    ):
        with pytest.raises(GrantRefusedError) as caught:
            await act(change)
        assert caught.value.reason is EscalationReason.SUPERUSER_ONLY


async def test_an_actor_of_before_gives_nothing_that_was_taken_since(act, roles, shop, people, manager, actor_of):
    eve = await actor_of(people.eve)
    await act(lambda db: roles.set_permissions(db, manager, [], by=SETUP))
    with pytest.raises(GrantRefusedError):
        await act(lambda db: roles.grant_role(db, shop.seller, to=people.ada, by=eve))


async def test_an_actor_with_less_than_their_user_gives_no_more_than_that(act, roles, shop, people, manager):
    bounded = Actor(id=people.eve.id)
    with pytest.raises(GrantRefusedError):
        await act(lambda db: roles.grant_role(db, shop.seller, to=people.ada, by=bounded))


async def test_a_made_up_superuser_is_none(act, roles, shop, people):
    forged = Actor(id=people.eve.id, is_superuser=True, permissions=frozenset(ShopPermissions))
    with pytest.raises(GrantRefusedError):
        await act(lambda db: roles.grant_role(db, shop.auditor, to=people.ada, by=forged))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda r, db, s, p: r.create_group(db, "Mine", by=ANONYMOUS), id="create-group"),
        pytest.param(lambda r, db, s, p: r.create_role(db, "mine", by=ANONYMOUS), id="create-role"),
        pytest.param(lambda r, db, s, p: r.revoke_role(db, s.seller, of=p.ada, by=ANONYMOUS), id="revoke"),
        pytest.param(lambda r, db, s, p: r.delete_role(db, s.seller, by=ANONYMOUS), id="delete"),
    ],
)
async def test_nobody_changes_nothing(act, roles, shop, people, change):
    with pytest.raises(GrantRefusedError) as caught:
        await act(lambda db: change(roles, db, shop, people))
    assert caught.value.reason is EscalationReason.NOBODY


# Snapshots.


@pytest.fixture
async def snapshot(database, store, login, accounts, people, act, clock):
    """Ada's identity, as her session has it."""
    await act(lambda db: give_password(accounts, db, people.ada))
    clock.advance(1)
    outcome = await login.attempt(username="ada", password="correct horse battery staple")
    return outcome.identity


async def give_password(accounts, db, user):
    return await accounts.set_password(db, await db.get_one(User, user.id), "correct horse battery staple")


async def test_the_snapshot_of_a_sign_in_holds_roles_and_permissions(shop, snapshot):
    assert snapshot.roles == {"seller"}
    assert snapshot.permissions == {"shop.sell"}
    assert not snapshot.is_superuser


async def test_a_snapshot_made_anew_holds_what_is_held_now(act, database, store, roles, shop, people, snapshot):
    await act(lambda db: roles.delete_role(db, shop.seller, by=SETUP))
    loaded = await load_identity(database, store, snapshot)
    assert (loaded.roles, loaded.permissions) == (set(), set())
    assert loaded.epoch > snapshot.epoch


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda r, db, s, p: r.revoke_role(db, s.seller, of=p.ada, by=SETUP), id="revoke"),
        pytest.param(lambda r, db, s, p: r.delete_role(db, s.seller, by=SETUP), id="delete-role"),
        pytest.param(lambda r, db, s, p: r.set_permissions(db, s.seller, [], by=SETUP), id="set-permissions"),
        pytest.param(lambda r, db, s, p: r.rename_role(db, s.seller, "clerk", by=SETUP), id="rename"),
    ],
)
async def test_a_snapshot_made_during_a_revocation_waits_for_it(
    database, database_url, store, roles, shop, people, snapshot, change
):
    """The request meets the new epoch before the commit. With the old rows it would keep the privilege for ever."""
    other_process = Database(database_url)
    unit = Unit(database, is_read_only=False)
    await change(roles, unit.session, shop, people)
    loading = asyncio.create_task(load_identity(other_process, store, snapshot))
    # However long the other one had until here, it cannot be done: the row is written, and not committed.
    for _ in range(20):
        await asyncio.sleep(0)
    assert not loading.done()
    await unit.finish(200)
    loaded = await loading
    assert "shop.sell" not in loaded.permissions or "seller" not in loaded.roles
    assert loaded.epoch == await store.epoch(str(people.ada.id))
    await other_process.close()


async def test_a_revocation_right_after_the_epoch_was_read_leaves_the_snapshot_stale(
    act, database, store, roles, shop, people, snapshot
):
    """The other way round: the rows are old, and so is the epoch that goes with them; the next request sees that."""

    class Slow:
        async def epoch(self, owner):
            before = await store.epoch(owner)
            await act(lambda db: roles.revoke_role(db, shop.seller, of=people.ada, by=SETUP))
            return before

    loaded = await load_identity(database, Slow(), snapshot)
    assert loaded.epoch < await store.epoch(str(people.ada.id))
    again = await load_identity(database, store, loaded)
    assert again.roles == set()


async def test_two_who_change_one_role_at_the_same_time_miss_nobody(database_url, store, roles, shop, people, held):
    """One empties the role while the other gives it to somebody: nobody's rows change without their epoch."""
    databases = [Database(database_url) for _ in range(2)]

    async def attempt(database, change):
        async with Unit(database, is_read_only=False) as unit:
            await change(unit.session)

    held_before = {name: await held(user) for name, user in vars(people).items()}
    epochs_before = await epochs(store, people)
    # On PostgreSQL the later one may be refused: then it did not happen, and that is right, too.
    await asyncio.gather(
        attempt(databases[0], lambda db: roles.set_permissions(db, shop.seller, ["shop.refund"], by=SETUP)),
        attempt(databases[1], lambda db: roles.grant_role(db, shop.seller, to=people.eve, by=SETUP)),
        return_exceptions=True,
    )
    epochs_after = await epochs(store, people)
    changed = {name for name, user in vars(people).items() if await held(user) != held_before[name]}
    assert changed
    assert changed <= {name for name in epochs_before if epochs_after[name] > epochs_before[name]}
    for database in databases:
        await database.close()
