"""The accounts of the guide to PostgreSQL: what they may do is enough for an app, and what they may not do is said."""

import re
from pathlib import Path

import pytest

from fastness import Fastness
from fastness.auditlog.errors import AuditUnavailableError
from fastness.db.errors import MigrationError
from fastness.db.migrations import upgrade
from tests.web.shop import make_settings

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "postgresql.md"
DATABASE = "CREATE DATABASE shop OWNER shop_owner;\n\\connect shop\n"


@pytest.fixture
def accounts(running_postgres, postgres_database):
    """Runs the statements of the guide, or some of them; gives the addresses of the owner and of the app."""
    (statements,) = re.findall(r"^```sql\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    assert DATABASE in statements

    def prepare(without="nothing"):
        kept = [line for line in statements.replace(DATABASE, "").splitlines() if without not in line]
        owned = f"ALTER DATABASE {postgres_database} OWNER TO shop_owner; ALTER SCHEMA public OWNER TO shop_owner;"
        running_postgres.run_sql("\n".join([*kept, owned]), database=postgres_database)
        return [running_postgres.url(postgres_database, user=user, password="…") for user in ("shop_owner", "shop_app")]

    yield prepare
    running_postgres.run_sql(
        f"ALTER DATABASE {postgres_database} OWNER TO tester; ALTER SCHEMA public OWNER TO tester;"
        "DROP OWNED BY shop_app, shop_owner; DROP ROLE shop_app; DROP ROLE shop_owner;",
        database=postgres_database,
    )
    running_postgres.empty_database(postgres_database)


def app_on(url):
    return Fastness(make_settings(database_url=url, store_url=url), routes=[])


async def test_an_app_runs_with_an_account_that_owns_no_table(accounts):
    owner, own = accounts()
    upgrade(owner, None)
    app = app_on(own)
    await app.open()
    async with app.services.open_unit(is_read_only=False) as unit:
        await app.services.accounts.create_user(
            unit.session, username="ada", password="a long pass phrase of the tests"
        )
    await app.close()


async def test_what_an_administrator_has_to_run_is_said(accounts):
    owner, own = accounts(without="fastness_audit")
    upgrade(owner, None)
    app = app_on(own)
    with pytest.raises(AuditUnavailableError, match="CREATE SCHEMA fastness_audit AUTHORIZATION shop_app"):
        await app.open()
    await app.close()


def test_whose_address_migrations_need_is_said(accounts):
    _, own = accounts()
    with pytest.raises(MigrationError, match="FASTNESS_MIGRATIONS_URL"):
        upgrade(own, None)
