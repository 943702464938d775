"""The guard: no statement reaches a guarded table outside its scope, on any engine of the process.

It listens in three places. Engines get the compiler that puts conditions on guarded tables (`compiling.py`). Before each
statement goes to the driver it is asked what it left uncovered: a statement with something uncovered needs an exemption, or
has to be one that SQLAlchemy sends for a flush whose objects were checked (`writes.py`). Text that no compiler wrote is
searched for the names of guarded tables, and so is what somebody gives to the driver below SQLAlchemy.

It fails closed: what it does not know, it searches as text, and a name that is found there is refused, even where it is only
a column or a word. It is meant for authors who forget, and holds against input in every value of a statement. An author who
calls `backup()` on SQLite's driver, or hides a name from the search (a view, a function of the database) is not stopped;
row-level security is the wall behind this one.

ASVS 5.0: V8.2.2 (data-specific access), V8.3.1 (enforced on a trusted layer, not by who remembers).
"""

from typing import Final, NoReturn

from sqlalchemy import DDL, Engine, Pool, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.sql.compiler import DDLCompiler
from sqlalchemy.sql.ddl import CreateTableAs, CreateView

from fastness.authz.acting import ACTING, UNSCOPED, Acting, acting_of
from fastness.authz.compiling import ScopeCompiler, scope_compiler
from fastness.authz.errors import UnscopedError
from fastness.authz.registry import registry
from fastness.authz.rowactor import tell_actor
from fastness.authz.writes import CHECKING, watch_model
from fastness.db.model import Model
from fastness.db.watched import Watched
from fastness.kernel.because import Because

_POSTGRES: Final = "postgresql"
_OWN_DDL: Final = "sqlalchemy."
_FIX: Final = (
    "read it with request.load, request.list or request.scoped, or scoped(statement, actor, may=…); code without a person "
    'behind it says unscoped(statement, Because("…")) or bind_unscoped(session, Because("…"))'
)
_TEXT_FIX: Final = (
    "SQL written as text carries no scope: write it as select, update or delete, or execute it with execution_options="
    '{"unscoped": Because("…")}'
)


def guard_model(model: type[Model]) -> None:
    """Watch the writes of a model; its statements are watched since this file was imported."""
    watch_model(model)


@event.listens_for(Engine, "engine_connect")
def _use_guarded_compiler(connection: Connection) -> None:
    dialect = connection.dialect
    compiler = dialect.statement_compiler
    if not issubclass(compiler, ScopeCompiler):
        dialect.statement_compiler = scope_compiler(compiler)


@event.listens_for(Session, "after_begin")
def _name_session(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    acting = acting_of(session)
    acting.told = None
    if not transaction.nested:
        acting.begin()
    if acting.because is None:
        connection.execution_options(**{ACTING: acting})
    else:
        connection.execution_options(**{ACTING: acting, UNSCOPED: acting.because})


@event.listens_for(Engine, "before_cursor_execute")
def _check(
    connection: Connection,
    cursor: DBAPICursor,
    statement: str,
    _parameters: object,
    context: ExecutionContext | None,
    _is_many: bool,  # noqa: FBT001 - SQLAlchemy's signature
) -> None:
    compiled: object = None if context is None else context.compiled
    if isinstance(compiled, ScopeCompiler):
        if compiled.generation != registry().generation:
            _look_again(compiled)
        if compiled.is_for_superuser and context is not None:
            acting = context.execution_options.get(ACTING)
            if isinstance(acting, Acting):
                acting.tell_superuser()
        names, fix = compiled.uncovered, _FIX
    else:
        names, fix = _names_in(statement, compiled), _TEXT_FIX
    if names and (context is None or not _is_exempt(context, names)):
        _refuse(names, fix)
    if context is not None and registry().has_row_security and connection.dialect.name == _POSTGRES:
        acting = context.execution_options.get(ACTING)
        if isinstance(acting, Acting):
            reason = context.execution_options.get(UNSCOPED)
            tell_actor(connection, acting, is_exempt=isinstance(reason, Because) and reason is not CHECKING)
    # Last, as the statement that tells announces itself on the same connection.
    _announce(cursor, statement)


def _announce(cursor: object, statement: str) -> None:
    # SQLAlchemy's adapter for asyncpg keeps the driver's connection under the one name, sqlite3's cursor under the other.
    driver = getattr(cursor, "_connection", None) or getattr(cursor, "connection", None)
    if isinstance(driver, Watched):
        driver.announced = statement


def _look_again(compiled: ScopeCompiler) -> None:
    """A statement that was compiled before a policy was declared has no condition of it."""
    policies = registry()
    late = {name for name in compiled.seen if name in policies.guards and name not in compiled._guards}  # noqa: SLF001
    if late:
        _refuse(
            frozenset(late), "its policy was declared after this statement ran; import policies beside their models"
        )
    compiled.generation = policies.generation


def _names_in(statement: str, compiled: object) -> frozenset[str]:
    if isinstance(compiled, DDLCompiler):
        ddl = compiled.statement
        if isinstance(ddl, CreateTableAs | CreateView):
            inner = compiled.sql_compiler
            return inner.uncovered_so_far() if isinstance(inner, ScopeCompiler) else registry().names_in(statement)
        if type(ddl).__module__.startswith(_OWN_DDL) and not isinstance(ddl, DDL):
            return frozenset()
    if _is_pragma(statement):
        return frozenset()
    return registry().names_in(statement)


def _is_pragma(statement: str) -> bool:
    # How SQLAlchemy and Alembic look at a SQLite file: they name tables and read no rows.
    return statement[:7].upper() == "PRAGMA " and ";" not in statement


def _is_exempt(context: ExecutionContext, names: frozenset[str]) -> bool:
    options = context.execution_options
    if isinstance(options.get(UNSCOPED), Because):
        return True
    acting = options.get(ACTING)
    if not isinstance(acting, Acting) or not acting.is_flushing:
        return False
    if not acting.approved.keys() | acting.links.keys() >= names:
        return False
    load = options.get("_sa_orm_load_options")
    if load is not None:
        # After an INSERT the flush may read back what the database filled in, for the object it has just written.
        return load._refresh_state is not None  # noqa: SLF001
    if not (context.isinsert or context.isupdate or getattr(context, "isdelete", False)):
        return False
    # Only the unit of work sends statements with its mapper's own cache. Rows of association tables come without, and from
    # objects of both sides: one of them may be changed, and that does not let the others' rows through.
    cache = options.get("compiled_cache")
    return all(
        acting.approved[name] is cache
        if name in acting.approved
        else cache is None and acting.may_link(name, context.compiled_parameters)  # type: ignore[attr-defined]
        for name in names
    )


def _refuse(names: frozenset[str], fix: str) -> NoReturn:
    guards = registry().guards
    labels = ", ".join(sorted(guards[name].label for name in names))
    raise UnscopedError(f"the statement reaches {labels} outside its scope; {fix}")


@event.listens_for(Pool, "checkout")
def _watch_driver(connection: object, _record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
    driver = getattr(connection, "driver_connection", connection)
    if isinstance(driver, Watched):
        driver.examine = _check_driver_text


def _check_driver_text(statement: str) -> None:
    names = frozenset() if _is_pragma(statement) else registry().names_in(statement)
    if names:
        _refuse(names, _TEXT_FIX)
