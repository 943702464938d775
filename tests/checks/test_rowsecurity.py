"""Row-level security that somebody asked for and that does not hold is reported."""

import pytest
from sqlalchemy import func

from fastness import Model
from fastness.authz.registry import registry
from fastness.authz.rls import row_security_statements
from fastness.checks.check import Deployment
from fastness.checks.rowsecurity import check_row_security
from fastness.db.migrations import look
from fastness.db.statements import FOR_MIGRATIONS
from fastness.kernel.hosts import HostRules
from fastness.kernel.secret import Secret
from fastness.kernel.tokens import random_token
from fastness.settings.settings import Settings
from tests.authz.rowmodels import POLICIES, TABLES, Folder, FolderPolicy

SECRET = "for-the-tests-only"


@pytest.fixture
def asked(monkeypatch):
    for policy in POLICIES:
        monkeypatch.setattr(policy, "row_security", True)
    monkeypatch.setattr(registry(), "has_row_security", True)


@pytest.fixture
def account(postgres_url, running_postgres, postgres_database):
    """Makes an account with attributes and gives its address; what it made goes with it."""
    made = []

    def make(attributes=""):
        name = f"check_{postgres_database}_{len(made)}"
        made.append(name)
        running_postgres.run_sql(f"CREATE ROLE {name} LOGIN {attributes} PASSWORD '{SECRET}'")
        running_postgres.run_sql(f"GRANT USAGE ON SCHEMA public TO {name}", database=postgres_database)
        return name, running_postgres.url(postgres_database, user=name, password=SECRET)

    yield make
    for name in made:
        running_postgres.run_sql(f"DROP OWNED BY {name} CASCADE", database=postgres_database)
        running_postgres.run_sql(f"DROP ROLE {name}")


@pytest.fixture
def enforce(postgres_url):
    """Makes the tables, and the rules for the policies as they are."""

    def work(connection):
        Model.metadata.create_all(connection, tables=TABLES)
        for statement in row_security_statements():
            connection.exec_driver_sql(statement, execution_options=FOR_MIGRATIONS)

    return lambda: look(postgres_url, work)


def found(url, folder):
    settings = Settings(
        secret_key=Secret(random_token(48)), hosts=HostRules(allowed=("shop.example.com",)), database_url=url
    )
    return [finding.id for finding in check_row_security(Deployment(settings=settings, folder=folder))]


@pytest.mark.usefixtures("asked")
def test_an_account_that_owns_nothing_is_bound(account, enforce, tmp_path):
    enforce()
    assert found(account()[1], tmp_path) == []


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("attributes", ["SUPERUSER", "BYPASSRLS"])
def test_an_account_that_passes_is_reported(account, enforce, tmp_path, attributes):
    enforce()
    assert found(account(attributes)[1], tmp_path) == ["FST-DATABASE-007"]


@pytest.mark.usefixtures("asked")
def test_an_owner_is_reported(account, enforce, tmp_path, running_postgres, postgres_database):
    enforce()
    name, url = account()
    running_postgres.run_sql(f"ALTER TABLE row_files OWNER TO {name}", database=postgres_database)
    assert found(url, tmp_path) == ["FST-DATABASE-007"]


@pytest.mark.usefixtures("asked")
def test_missing_rules_are_reported(account, tmp_path):
    assert found(account()[1], tmp_path) == ["FST-DATABASE-008"]


@pytest.mark.usefixtures("asked")
def test_rules_of_other_policies_are_reported(account, enforce, tmp_path, monkeypatch):
    enforce()
    monkeypatch.setattr(
        FolderPolicy, "edit", lambda _self, actor: (Folder.owner_id == actor.id) & (func.length(Folder.title) > 0)
    )
    assert found(account()[1], tmp_path) == ["FST-DATABASE-008"]


@pytest.mark.usefixtures("asked")
def test_a_policy_that_decides_in_python_is_reported(account, enforce, tmp_path, monkeypatch):
    enforce()
    monkeypatch.setattr(
        FolderPolicy, "edit", lambda _self, actor: Folder.title == "" if actor.may("x.y") else Folder.title != ""
    )
    assert found(account()[1], tmp_path) == ["FST-DATABASE-009"]


def test_who_does_not_ask_is_not_asked(account, tmp_path):
    assert found(account()[1], tmp_path) == []
