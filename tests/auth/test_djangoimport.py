"""People of a database that Django 6.1 made (`scripts/django_database.py`) sign in here and get hashes of today."""

import hashlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from fastness.auth.djangohashes import DjangoHashes
from fastness.auth.djangoimport import STATEMENTS, plan_import
from fastness.auth.djangowriting import DjangoImporter
from fastness.auth.granting import Roles
from fastness.auth.holdings import load_holdings
from fastness.auth.login import LoginReason
from fastness.auth.passwords import PasswordHasher
from fastness.auth.users import User, find_user
from fastness.authz.permissions import PermissionCatalogue, Permissions
from fastness.db.foreign import ForeignDatabaseError, read_tables
from fastness.db.unit import Unit
from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError
from fastness.kernel.events import EventName
from tests.auth.conftest import PASSWORD
from tests.ready_made import CHEAP_PASSWORDS

DUMP = Path(__file__).parent.parent / "vectors" / "django61.sql"
BECAUSE = Because("a test of the import")
FORMATS = ("pbkdf2", "pbkdf2-sha1", "argon2", "bcrypt-sha256", "bcrypt", "scrypt", "md5")
HASHER = PasswordHasher(replace(CHEAP_PASSWORDS, accepts_django=True))


class CasePermissions(Permissions):
    CLOSE = "cases.close_case", "May close cases."


@pytest.fixture
def django_url(tmp_path):
    path = tmp_path / "django.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.executescript(DUMP.read_text(encoding="utf-8"))
    connection.close()
    return f"sqlite:///{path}"


@pytest.fixture
def carry(database, store, notices, events, clock):
    """Carries a plan out as the command does."""
    catalogue = PermissionCatalogue([CasePermissions])

    async def run(url, **options):
        tables = await read_tables(url, STATEMENTS)
        roles = Roles(store=store, catalogue=catalogue, notices=notices, events=events, clock=clock)
        importer = DjangoImporter(roles=roles, store=store, events=events, clock=clock)
        async with Unit(database, is_read_only=False) as unit:
            keys = frozenset(await unit.session.scalars(select(User.username_key)))
            plan = plan_import(
                tables, existing_keys=keys, catalogue=catalogue, hasher=HASHER, now=clock.now(), **options
            )
            await importer.write(unit.session, plan, by=BECAUSE)
        return plan

    return run


async def get(database, username):
    async with Unit(database, is_read_only=True) as unit:
        user = await find_user(unit.session, username)
        return user, await load_holdings(unit.session, user.id)


# One database: the formats are what is tried, and each costs what Django asks for.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_people_sign_in_with_the_password_they_have_and_are_upgraded(
    carry, django_url, database, make_login, clock
):
    plan = await carry(django_url)
    assert len(plan.users) == 12
    clock.advance(1)
    hasher = PasswordHasher(HASHER.rules)
    hasher.dearest_dummy = None  # that every refusal costs what the dearest does is tried in test_evenwork
    login = make_login(hasher=hasher)
    for name in (*FORMATS, "ada"):
        assert (await login.attempt(username=name, password=PASSWORD + "x")).reason is LoginReason.WRONG
        assert (await login.attempt(username=name, password=PASSWORD)).reason is LoginReason.SUCCESS
        user, _ = await get(database, name)
        assert not HASHER.needs_update(user.password_hash)
        assert (await login.attempt(username=name, password=PASSWORD)).reason is LoginReason.SUCCESS
    for name, reason in (
        ("unusable", LoginReason.PASSWORDLESS),
        ("foreign", LoginReason.PASSWORDLESS),
        ("closed", LoginReason.INACTIVE),
    ):
        assert (await login.attempt(username=name, password=PASSWORD)).reason is reason


async def test_what_they_were_and_might(carry, django_url, database, events):
    plan = await carry(django_url)
    ada, held = await get(database, "ada")
    assert (ada.display_name, ada.email, ada.is_staff, ada.is_active) == ("Ada Lovelace", "Ada@Example.com", True, True)
    assert held.permissions == {"cases.close_case"}
    _, held = await get(database, "bcrypt")
    assert held.roles == {"case-editors"}
    assert held.permissions == {"cases.close_case"}
    _, held = await get(database, "boss")
    assert not held.is_superuser
    left_out = {(one.kind, one.name, one.reason) for one in plan.left_out}
    assert left_out == {
        ("permission", "cases.add_note", "undeclared"),
        ("group", "superuser", "name_taken"),
        ("user", "ADA", "name_taken"),
        ("superuser", "boss", "not_asked_for"),
        ("password", "unusable", "unusable"),
        ("email", "unusable", "malformed"),
        ("password", "foreign", "unknown_format"),
    }
    made = [event for event in events.events if event.name is EventName.USER_CREATED]
    assert {event.reason for event in made} == {"imported_from_django"}
    assert len(made) == 12
    assert all("$" not in str(event) for event in made)
    assert all(user.password_hash is None or user.password_hash not in repr(plan) for user in plan.users)


async def test_superusers_only_when_asked_for(carry, django_url, database):
    await carry(django_url, takes_superusers=True)
    _, held = await get(database, "boss")
    assert held.is_superuser
    _, held = await get(database, "ada")
    assert not held.is_superuser


async def test_a_second_run_changes_nobody(carry, django_url, database, accounts):
    async with Unit(database, is_read_only=False) as unit:
        mine = await accounts.create_user(unit.session, username="Boss", password=PASSWORD)
    plan = await carry(django_url, takes_superusers=True)
    assert len(plan.users) == 11
    boss, held = await get(database, "boss")
    assert boss.id == mine.id
    assert held.roles == frozenset()
    again = await carry(django_url, takes_superusers=True)
    assert again.users == ()
    assert {one.name for one in again.left_out if one.reason == "name_taken"} >= {"Boss".lower(), "ada", "ADA"}


TABLES = {
    "auth_user": "id int, password varchar(128), last_login timestamptz, is_superuser boolean, username varchar(150),"
    " last_name varchar(150), email varchar(254), is_staff boolean, is_active boolean, date_joined timestamptz,"
    " first_name varchar(150)",
    "auth_group": "id int, name varchar(150)",
    "auth_permission": "id int, content_type_id int, codename varchar(100), name varchar(255)",
    "auth_group_permissions": "id bigint, group_id int, permission_id int",
    "auth_user_groups": "id bigint, user_id int, group_id int",
    "auth_user_user_permissions": "id bigint, user_id int, permission_id int",
    "django_content_type": "id int, app_label varchar(100), model varchar(100)",
}
BOOLEANS = ("is_superuser", "is_staff", "is_active")


async def test_the_same_from_postgresql(django_url, postgres_url):
    import asyncpg

    from fastness.auth.djangoimport import _moment

    connection = await asyncpg.connect(postgres_url, ssl=False)
    source = sqlite3.connect(django_url.removeprefix("sqlite:///"))
    source.row_factory = sqlite3.Row
    for table, columns in TABLES.items():
        await connection.execute(f"CREATE TABLE {table} ({columns})")
        for row in source.execute(f"SELECT * FROM {table}"):  # noqa: S608 - names from above
            values = {key: bool(row[key]) if key in BOOLEANS else row[key] for key in row.keys()}  # noqa: SIM118
            if "date_joined" in values:
                values["date_joined"] = _moment(values["date_joined"])
            places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
            insert = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})"  # noqa: S608 - names from above
            await connection.execute(insert, *values.values())
    source.close()
    await connection.close()
    catalogue = PermissionCatalogue([CasePermissions])
    plans = []
    for url in (django_url, postgres_url):
        tables = await read_tables(url, STATEMENTS)
        now = _moment("2026-11-22 12:00:00")
        plan = plan_import(tables, existing_keys=(), catalogue=catalogue, hasher=HASHER, now=now)
        plans.append(([(u.username, u.password_hash, u.created_at, u.roles) for u in plan.users], plan.left_out))
    assert plans[0] == plans[1]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        pytest.param("mysql://localhost/django", ConfigError, id="another-kind"),
        pytest.param("sqlite:////nowhere/db.sqlite3", ConfigError, id="no-file"),
        pytest.param("empty", ForeignDatabaseError, id="not-django"),
    ],
)
async def test_a_database_that_is_none(tmp_path, url, error):
    if url == "empty":
        (tmp_path / "empty.sqlite3").touch()
        url = f"sqlite:///{tmp_path}/empty.sqlite3"
    with pytest.raises(error):
        await read_tables(url, STATEMENTS)


SHA1 = "sha1$salt$" + hashlib.sha1(b"salt" + PASSWORD.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("encoded", "matches"),
    [
        pytest.param(SHA1, True, id="sha1"),
        pytest.param(SHA1[:-1] + "x", False, id="sha1-other-digest"),
        pytest.param(
            "sha1$$" + hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).hexdigest(), False, id="no-salt"
        ),
        pytest.param("pbkdf2_sha256$999999999999$salt$AAAA", False, id="for-ever"),
        pytest.param("pbkdf2_sha256$1000$salt$", False, id="no-digest"),
        pytest.param("pbkdf2_sha256$1000", False, id="cut"),
        pytest.param("scrypt$1073741824$salt$8$1$AAAA", False, id="much-memory"),
        pytest.param("argon2$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$AAAA", False, id="much-memory-argon2"),
        pytest.param("argon2$nonsense", False, id="argon2-cut"),
        pytest.param("bcrypt$$2b$31$abcdefghijklmnopqrstuu", False, id="bcrypt-for-ever"),
        pytest.param("bcrypt_sha256$", False, id="bcrypt-nothing"),
        pytest.param("!unusable", False, id="unusable"),
        pytest.param("", False, id="empty"),
    ],
)
def test_hashes_of_django(encoded, matches):
    assert DjangoHashes().verify(encoded, PASSWORD.encode()) is matches
    assert PasswordHasher(HASHER.rules).verify(encoded, PASSWORD) is matches


def test_without_the_setting_no_hash_of_django_counts(hasher):
    assert not hasher.recognises(SHA1)
    assert not hasher.verify(SHA1, PASSWORD)
    assert HASHER.recognises(SHA1)
    assert HASHER.needs_update(SHA1)
