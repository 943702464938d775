"""People who may do more than others with a password alone: counted in a real database."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert

from fastness.auth.factortables import TOTP, Passkey
from fastness.auth.roles import GROUP_MEMBERS, GROUP_ROLES, USER_PERMISSIONS, USER_ROLES, Group, Role
from fastness.auth.users import User
from fastness.checks.check import Deployment
from fastness.checks.people import check_people
from fastness.db.migrations import look, upgrade
from fastness.kernel.hosts import HostRules
from fastness.kernel.secret import Secret
from fastness.kernel.tokens import random_id, random_token
from fastness.settings.settings import Settings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ADA, ROLE, GROUP = random_id(), random_id(), random_id()
SET_UP = {"id": random_id(), "user_id": ADA, "created_at": NOW}
HAS_ROLE = insert(USER_ROLES).values(user_id=ADA, role_id=ROLE)
HAS_TOTP = insert(TOTP).values(**SET_UP, secret="sealed", last_step=0)
HAS_PASSKEY = insert(Passkey).values(
    **SET_UP, name="telephone", credential_id="a", public_key="b", sign_count=0, transports=""
)


@pytest.fixture
def deployment(tmp_path):
    url = f"sqlite:///{tmp_path}/data.sqlite3"
    return Deployment(
        settings=Settings(
            secret_key=Secret(random_token(48)), hosts=HostRules(allowed=("shop.example.com",)), database_url=url
        ),
        folder=tmp_path,
    )


def counted(deployment, statements=(), **fields):
    url = deployment.settings.database_url
    upgrade(url, None)
    user = {
        "id": ADA,
        "username": "ada",
        "username_key": "ada",
        "display_name": "",
        "email": "",
        "email_key": "",
        "password_hash": "$argon2id$v=19$m=47104,t=2,p=1$c2FsdHNhbHRzYWx0c2E$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo",
        "is_active": True,
        "is_staff": False,
        "created_at": NOW,
        "valid_since": NOW,
    }
    role = insert(Role).values(id=ROLE, name="editors", label="", changed_at=NOW)
    group = insert(Group).values(id=GROUP, name="office", name_key="office", changed_at=NOW)

    def fill(connection):
        for statement in (role, group, insert(User).values(**user | fields), *statements):
            connection.execute(statement)

    look(url, fill)
    return [finding.where for finding in check_people(deployment)]


@pytest.mark.parametrize(
    ("statements", "fields", "is_found"),
    [
        pytest.param((), {}, False, id="nobody-special"),
        pytest.param((), {"is_staff": True}, True, id="staff"),
        pytest.param((HAS_ROLE,), {}, True, id="a-role"),
        pytest.param((insert(USER_PERMISSIONS).values(user_id=ADA, permission="a.b"),), {}, True, id="a-permission"),
        pytest.param(
            (
                insert(GROUP_MEMBERS).values(user_id=ADA, group_id=GROUP),
                insert(GROUP_ROLES).values(group_id=GROUP, role_id=ROLE),
            ),
            {},
            True,
            id="a-role-of-a-group",
        ),
        pytest.param(
            (insert(GROUP_MEMBERS).values(user_id=ADA, group_id=GROUP),), {}, False, id="a-group-without-roles"
        ),
        pytest.param((HAS_ROLE, HAS_TOTP), {}, False, id="with-an-app"),
        pytest.param((HAS_ROLE, HAS_PASSKEY), {}, False, id="with-a-passkey"),
        pytest.param((HAS_ROLE,), {"is_active": False}, False, id="closed"),
        pytest.param((HAS_ROLE,), {"password_hash": None}, False, id="invited"),
    ],
)
def test_who_is_counted(deployment, statements, fields, is_found):
    assert counted(deployment, statements, **fields) == (["1 person"] if is_found else [])


def test_a_database_that_is_not_there_is_not_made(deployment):
    assert list(check_people(deployment)) == []
    assert list(deployment.folder.iterdir()) == []
