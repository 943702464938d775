"""Columns that are never shown: what they store, what they give, and how an expression over one is recognised."""

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, func, insert, literal, select

from fastness.auth.users import User
from fastness.db.columns import HIDDEN, PasswordHash, SecretText, is_hidden
from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret

KEYS = Table(
    "keys",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(50)),
    Column("token", SecretText),
    Column("hash", PasswordHash),
    Column("marked", String(50), info={HIDDEN: True}),
)


@pytest.fixture
def connection():
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        KEYS.metadata.create_all(connection)
        yield connection
    engine.dispose()


def test_a_secret_is_text_in_the_database_and_a_secret_in_python(connection):
    connection.execute(insert(KEYS).values(id=1, token=Secret("s3cr3t"), hash="$argon2id$…"))
    assert connection.exec_driver_sql("SELECT token, hash FROM keys").one() == ("s3cr3t", "$argon2id$…")
    row = connection.execute(select(KEYS.c.token, KEYS.c.hash)).one()
    assert row.token == Secret("s3cr3t")
    assert "s3cr3t" not in repr(row)
    assert connection.scalar(select(KEYS.c.id).where(KEYS.c.token == Secret("s3cr3t"))) == 1


def test_no_secret_stays_none(connection):
    connection.execute(insert(KEYS).values(id=1, token=None))
    assert connection.scalar(select(KEYS.c.token)) is None


def test_plain_text_is_not_taken_for_a_secret(connection):
    with pytest.raises(Exception, match="Secret") as caught:
        connection.execute(insert(KEYS).values(id=1, token="plain"))
    assert isinstance(caught.value.__cause__ or caught.value.__context__ or caught.value, ConfigError)


def test_a_secret_is_not_written_into_a_statement():
    statement = select(KEYS.c.id).where(KEYS.c.token == Secret("s3cr3t"))
    with pytest.raises(Exception, match="literal value") as caught:
        str(statement.compile(compile_kwargs={"literal_binds": True}))
    assert "s3cr3t" not in str(caught.value)
    assert "s3cr3t" not in str(statement)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param(KEYS.c.token, True, id="secret"),
        pytest.param(KEYS.c.hash, True, id="hash"),
        pytest.param(KEYS.c.marked, True, id="marked"),
        pytest.param(KEYS.c.name, False, id="plain"),
        pytest.param(func.lower(KEYS.c.hash), True, id="function-of-a-hash"),
        pytest.param(func.lower(KEYS.c.name), False, id="function-of-a-name"),
        pytest.param(KEYS.c.name + KEYS.c.marked, True, id="put-together-with-a-marked-one"),
        pytest.param(literal("a") + KEYS.c.name, False, id="put-together-with-a-plain-one"),
        pytest.param(KEYS.c.token.label("name"), True, id="under-another-name"),
        pytest.param(select(KEYS.c.hash).scalar_subquery(), True, id="subquery"),
        pytest.param(select(KEYS.c.name).scalar_subquery(), False, id="plain-subquery"),
        pytest.param(User.__table__.c.password_hash, True, id="our-own-users"),
    ],
)
def test_what_is_hidden_is_seen_through_expressions(expression, expected):
    assert is_hidden(expression) is expected
