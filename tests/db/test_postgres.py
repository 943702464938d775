"""What is PostgreSQL's own: transactions, conflicts, lost connections, and messages without values."""

import asyncio
import logging
import traceback

import asyncpg
import pytest
from sqlalchemy import event, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from fastness.db.driver import Trouble, hide_values, summary_of, trouble_of
from fastness.db.engine import Database
from fastness.db.errors import (
    DatabaseBusyError,
    DatabaseLostError,
    OutdatedSchemaError,
    ReadOnlyError,
    TransactionConflictError,
)
from fastness.db.rules import DatabaseRules, Isolation
from fastness.db.sql import sql
from fastness.db.unit import Unit, run_in_unit
from tests.db.models import Book, Shelf


@pytest.fixture
def database_url(postgres_url):
    """What is tested here is PostgreSQL's."""
    return postgres_url


@pytest.fixture
async def admin(postgres_url):
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def database_with(url, **rules):
    return Database(url, rules=DatabaseRules(**rules))


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(insert(Shelf).values(name="x"), id="core-insert"),
        pytest.param(sql("DELETE FROM test_db_books"), id="raw-delete"),
        pytest.param(sql("CREATE TABLE t (a int)"), id="raw-ddl"),
        pytest.param(sql("SELECT nextval('test_counter')"), id="write-that-looks-like-a-read"),
        pytest.param(sql("SELECT * FROM test_db_shelves FOR UPDATE"), id="lock"),
        pytest.param(sql("WITH d AS (DELETE FROM test_db_books RETURNING 1) SELECT * FROM d"), id="write-behind-with"),
    ],
)
async def test_the_reading_engine_refuses_every_write_and_names_the_way_out(database, statement):
    async with database.write.begin() as connection:
        await connection.execute(sql("CREATE SEQUENCE test_counter"))
    async with database.read.connect() as connection:
        with pytest.raises(ReadOnlyError) as refused:
            await connection.execute(statement)
    assert "insecure_write_on_get=Because(" in str(refused.value)
    async with database.write.connect() as connection:
        await connection.execute(sql("SELECT 1"))


@pytest.mark.parametrize("engine", [pytest.param("read", id="read"), pytest.param("write", id="write")])
async def test_a_table_that_was_never_made_names_the_command(postgres_url, engine):
    database = Database(postgres_url)
    with pytest.raises(OutdatedSchemaError, match=r"test_db_shelves.*fastness db upgrade"):
        async with getattr(database, engine).begin() as connection:
            await connection.execute(select(Shelf.id))
    await database.close()


async def test_a_mode_set_by_hand_does_not_outlive_its_transaction(database):
    for _ in range(database.rules.read_connections + 1):
        async with Unit(database, is_read_only=True) as unit:
            await unit.session.execute(sql("SET default_transaction_read_only = off"))
        async with Unit(database, is_read_only=True) as unit:
            assert await unit.session.scalar(sql("SHOW transaction_read_only")) == "on"


@pytest.mark.parametrize("engine", [pytest.param("read", id="read"), pytest.param("write", id="write")])
@pytest.mark.parametrize("isolation", [pytest.param(each, id=each.replace(" ", "-")) for each in Isolation])
async def test_every_connection_is_prepared(database, database_url, engine, isolation):
    other = await database_with(database_url, isolation=isolation, busy_seconds=2, statement_seconds=3)
    names = ("transaction_isolation", "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    async with getattr(other, engine).connect() as connection:
        found = [await connection.scalar(select(func.current_setting(name))) for name in (*names, "timezone")]
    await other.close()
    assert found == [isolation, "2s", "3s", "3s", "UTC"]


async def test_nothing_is_overwritten_that_was_changed_since_it_was_read(database, shelf_id):
    first, second = Unit(database, is_read_only=False), Unit(database, is_read_only=False)
    shelves = [await unit.session.get_one(Shelf, shelf_id) for unit in (first, second)]
    for number, shelf in enumerate(shelves):
        shelf.name += str(number)
    await first.finish(200)
    with pytest.raises(TransactionConflictError):
        await second.finish(200)
    async with Unit(database, is_read_only=True) as unit:
        assert (await unit.session.get_one(Shelf, shelf_id)).name == "law0"


async def test_a_deadlock_ends_one_of_the_two(database, shelf_id):
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Shelf(name="tax"))
    both_have_one = asyncio.Barrier(2)

    async def rename(names):
        async with Unit(database, is_read_only=False) as unit:
            for name in names:
                await unit.session.execute(update(Shelf).where(Shelf.name == name).values(built_at=None))
                if name == names[0]:
                    await both_have_one.wait()

    results = await asyncio.gather(rename(["law", "tax"]), rename(["tax", "law"]), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [TransactionConflictError]


async def test_work_that_may_run_twice_is_repeated_once(database, shelf_id):
    rivals = [True, False]

    async def add(session):
        shelf = await session.get_one(Shelf, shelf_id)
        if rivals.pop(0):
            async with Unit(database, is_read_only=False) as rival:
                (await rival.session.get_one(Shelf, shelf_id)).name += "!"
        shelf.name += "+"
        return shelf.name

    assert await run_in_unit(database, add, is_read_only=False) == "law!+"
    rivals[:] = [True, True]
    with pytest.raises(TransactionConflictError):
        await run_in_unit(database, add, is_read_only=False)


@pytest.mark.parametrize(
    ("rules", "statement"),
    [
        pytest.param({"busy_seconds": 0.05}, sql("SELECT * FROM test_db_shelves FOR UPDATE"), id="locked"),
        pytest.param({"statement_seconds": 0.05}, sql("SELECT pg_sleep(60)"), id="slow"),
    ],
)
async def test_what_takes_too_long_is_a_503(database, database_url, shelf_id, rules, statement):
    impatient = await database_with(database_url, **rules)
    async with Unit(database, is_read_only=False) as holder:
        await holder.session.execute(sql("SELECT * FROM test_db_shelves FOR UPDATE"))
        async with Unit(impatient, is_read_only=False) as unit:
            with pytest.raises(DatabaseBusyError):
                await unit.session.execute(statement)
            await unit.rollback()
    await impatient.close()


async def test_a_transaction_that_does_nothing_is_ended(database, database_url, expect_no_open_transaction):
    forgetful = await database_with(database_url, statement_seconds=0.05)
    unit = Unit(forgetful, is_read_only=False)
    await unit.session.execute(select(Shelf))
    await expect_no_open_transaction()
    with pytest.raises(DatabaseLostError):
        await unit.session.execute(select(Shelf))
    await unit.finish(500)
    await forgetful.close()


@pytest.mark.parametrize("is_read_only", [pytest.param(True, id="read-only"), pytest.param(False, id="writing")])
async def test_a_connection_that_broke_is_a_503_and_the_next_request_has_a_new_one(database, shelf_id, is_read_only):
    unit = Unit(database, is_read_only=is_read_only)
    pid = await unit.session.scalar(sql("SELECT pg_backend_pid()"))
    async with database.write.connect() as connection:
        await connection.execute(sql("SELECT pg_terminate_backend(:pid, 10000)", pid=pid))
    with pytest.raises(DatabaseLostError):
        await unit.session.execute(select(Shelf))
    await unit.finish(500)
    async with Unit(database, is_read_only=is_read_only) as unit:
        assert (await unit.session.scalars(select(Shelf.name))).all() == ["law"]
    assert database.write.pool.checkedout() == database.read.pool.checkedout() == 0


@pytest.mark.parametrize("is_read_only", [pytest.param(True, id="read-only"), pytest.param(False, id="writing")])
async def test_a_restart_of_the_server_costs_no_request_that_comes_after_it(database, shelf_id, admin, is_read_only):
    units = [Unit(database, is_read_only=is_read_only) for _ in range(2)]
    for unit in units:
        await unit.session.execute(sql("SELECT 1"))
    for unit in units:
        await unit.finish(200)
    await admin.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE application_name = 'fastness' AND datname = current_database()"
    )
    async with Unit(database, is_read_only=is_read_only) as unit:
        assert (await unit.session.scalars(select(Shelf.name))).all() == ["law"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda url: url.replace("/fastness-pg-", "/nowhere-"), DatabaseLostError, id="nobody-there"),
        pytest.param(lambda url: url.replace("tester:", "tester:wrong"), DatabaseLostError, id="wrong-password"),
        pytest.param(lambda url: url.replace("tester:", "stranger:"), DatabaseLostError, id="unknown-user"),
        pytest.param(lambda url: url.replace("/test_", "/gone_"), DatabaseLostError, id="unknown-database"),
    ],
)
async def test_a_server_that_does_not_let_us_in_is_a_503_that_says_why(postgres_url, change, expected):
    database = Database(change(postgres_url))
    with pytest.raises(expected) as refused:
        await database.open()
    await database.close()
    password = postgres_url.partition("tester:")[2].partition("@")[0]
    shown = "".join(traceback.format_exception(refused.value))
    assert password not in shown
    assert "PostgreSQL" in str(refused.value)


VALUE = "s3cr3t-value"


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        pytest.param(insert(Shelf).values(name=VALUE), IntegrityError, id="unique"),
        pytest.param(insert(Book).values(title=VALUE), IntegrityError, id="not-null"),
        pytest.param(sql("SELECT CAST(:value AS uuid)", value=VALUE), DBAPIError, id="cast-by-the-driver"),
        pytest.param(sql("SELECT CAST(CAST(:value AS text) AS uuid)", value=VALUE), DBAPIError, id="cast"),
        pytest.param(sql("SELECT CAST(:value AS int)", value=VALUE), DBAPIError, id="argument"),
        pytest.param(sql("SELECT raised(:value)", value=VALUE), DBAPIError, id="raised-by-a-function"),
        pytest.param(sql("SELECT nothing(CAST(:value AS text))", value=VALUE), ProgrammingError, id="no-such-function"),
    ],
)
async def test_no_message_holds_a_value(database, caplog, statement, kind):
    for name in ("sqlalchemy.engine", "sqlalchemy.pool", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    async with database.write.begin() as connection:
        await connection.execute(
            sql(
                "CREATE FUNCTION raised(t text) RETURNS int LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'no %', t USING HINT = t, DETAIL = t; END $$"
            )
        )
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Shelf(name=VALUE))
    unit = Unit(database, is_read_only=False)
    with pytest.raises(kind) as failed:
        await unit.session.execute(statement)
    await unit.finish(500)
    told = [part for error in chain(failed.value) for part in (str(error), repr(error), repr(error.args))]
    assert VALUE not in "".join(told)
    assert VALUE not in caplog.text


def chain(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


async def test_a_message_names_what_the_author_needs(database, shelf_id):
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Shelf(name="law"))
        with pytest.raises(IntegrityError, match="constraint uq_test_db_shelves_name") as failed:
            await unit.session.flush()
        await unit.rollback()
        assert failed.value.orig.sqlstate == "23505"
        with pytest.raises(OutdatedSchemaError, match='relation "nowhere" does not exist'):
            await unit.session.execute(sql("SELECT * FROM nowhere"))
        await unit.rollback()
        with pytest.raises(ProgrammingError, match="function nothing\\(\\) does not exist"):
            await unit.session.execute(sql("SELECT nothing()"))
        await unit.rollback()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(asyncpg.SerializationError("x"), Trouble.CONFLICT, id="serialisation"),
        pytest.param(asyncpg.DeadlockDetectedError("x"), Trouble.CONFLICT, id="deadlock"),
        pytest.param(asyncpg.LockNotAvailableError("x"), Trouble.BUSY, id="lock"),
        pytest.param(asyncpg.QueryCanceledError("x"), Trouble.BUSY, id="statement-timeout"),
        pytest.param(asyncpg.TooManyConnectionsError("x"), Trouble.BUSY, id="too-many-connections"),
        pytest.param(asyncpg.AdminShutdownError("x"), Trouble.LOST, id="shut-down"),
        pytest.param(asyncpg.CannotConnectNowError("x"), Trouble.LOST, id="starting"),
        pytest.param(asyncpg.ConnectionDoesNotExistError("x"), Trouble.LOST, id="connection"),
        pytest.param(asyncpg.DiskFullError("x"), Trouble.LOST, id="disk-full"),
        pytest.param(asyncpg.InvalidCachedStatementError("x"), Trouble.LOST, id="table-changed"),
        pytest.param(asyncpg.InternalClientError("x"), Trouble.LOST, id="driver-confused"),
        pytest.param(asyncpg.InterfaceError("connection is closed"), Trouble.LOST, id="closed"),
        pytest.param(ConnectionResetError(), Trouble.LOST, id="reset"),
        pytest.param(TimeoutError(), Trouble.LOST, id="no-answer"),
        pytest.param(asyncpg.ReadOnlySQLTransactionError("x"), Trouble.READ_ONLY, id="read-only"),
        pytest.param(asyncpg.InterfaceError("another operation is in progress"), None, id="two-tasks"),
        pytest.param(asyncpg.DataError("the value 'closed' is wrong"), None, id="value"),
        pytest.param(asyncpg.UniqueViolationError("x"), None, id="unique"),
        pytest.param(asyncpg.UndefinedTableError("x"), None, id="statement"),
        pytest.param(ValueError("x"), None, id="other"),
    ],
)
def test_what_an_error_means(error, expected):
    assert trouble_of(error) is expected


def test_an_unknown_error_loses_its_message():
    error = asyncpg.UniqueViolationError("Key (email)=(ada@example.com) exists")
    error.detail = "ada@example.com"
    assert "ada@" not in summary_of(error)
    hide_values(error)
    assert "ada@" not in str(error) + repr(error)


async def test_parallel_requests_of_one_process_share_its_connections(database, shelf_id):
    async def post(number):
        async with Unit(database, is_read_only=False) as unit:
            shelf = await unit.session.get_one(Shelf, shelf_id)
            unit.session.add(Book(title=f"n{number}", shelf_id=shelf.id))

    await asyncio.gather(*(post(number) for number in range(50)))
    async with Unit(database, is_read_only=True) as unit:
        assert len([*await unit.session.scalars(select(Book.id).where(Book.title.like("n%")))]) == 50
    assert database.write.pool.checkedout() == database.read.pool.checkedout() == 0


MOMENTS = ("begin", "before_cursor_execute", "after_cursor_execute", "commit")


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_request_that_is_cancelled_at_a_moment_leaves_nothing_behind(
    database, shelf_id, expect_no_open_transaction, moment, nth
):
    """The client hangs up just before the driver talks to the server: about a BEGIN, a statement, its rows, a COMMIT."""
    seen = 0

    def hang_up(*_arguments, **_options):
        nonlocal seen
        seen += 1
        if seen == nth:
            task.cancel()

    async def request():
        async with Unit(database, is_read_only=False) as unit:
            await unit.session.get_one(Shelf, shelf_id)
            unit.session.add(Book(title="c", shelf_id=shelf_id))
            await unit.session.flush()
            await unit.commit()
            await unit.session.get_one(Shelf, shelf_id, populate_existing=True)

    event.listen(database.write.sync_engine, moment, hang_up)
    task = asyncio.create_task(request())
    await asyncio.wait([task])
    event.remove(database.write.sync_engine, moment, hang_up)
    assert seen >= nth
    await expect_no_open_transaction()
    assert database.write.pool.checkedout() == 0
    async with Unit(database, is_read_only=False) as unit:
        await unit.session.get_one(Shelf, shelf_id)


async def test_a_request_that_is_cancelled_while_it_waits_for_a_lock_leaves_nothing_behind(
    database, shelf_id, postgres_url, expect_no_open_transaction
):
    holder = await asyncpg.connect(postgres_url)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("SELECT * FROM test_db_shelves FOR UPDATE")

    async def request():
        async with Unit(database, is_read_only=False) as unit:
            await unit.session.execute(update(Shelf).values(name="x"))

    task = asyncio.create_task(request())
    while not await holder.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
        await holder.execute("SELECT pg_sleep(0.01)")
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await transaction.rollback()
    await holder.close()
    await expect_no_open_transaction()
    assert database.write.pool.checkedout() == 0
