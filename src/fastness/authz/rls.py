"""Row-level security on PostgreSQL: the policies once more, as rules of the database.

The guard (`guard.py`) stops statements of this process. What goes around it - another program with the app's account, a
driver's connection, a view, a function, SQL that the search for names does not see - meets the same conditions again, in the
database. A policy with `row_security = True` is run with a symbolic actor (`symbolic.py`); its conditions become one rule for
each command, and `rowactor.py` tells the database in each transaction who acts. With nobody told, there are no rows.

A condition with subqueries becomes a function that runs with the rights of the tables' owner and sees all rows: policies that
ask for each other's tables would recurse otherwise. It takes the row and the actor, and a fixed search_path.

It does not stop somebody who can run any SQL at all with the app's account: they may say who acts, as the app does.

ASVS 5.0: V8.2.2 (data-specific access), V8.3.1, V8.4.1 (tenants are kept apart), V13.2.2 (least privilege).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Select, or_, select
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import CompileError
from sqlalchemy.sql import visitors

from fastness.authz.compiling import scope_compiler
from fastness.authz.errors import PolicyError, RowSecurityError
from fastness.authz.monotone import refuse_hidden_rows
from fastness.authz.registry import Guard, PolicyLike, registry
from fastness.authz.rowactor import SETTING
from fastness.authz.scope import AFTER, CREATE, DELETE, VIEW, PolicyCriterion
from fastness.authz.symbolic import ACTOR, symbolic_actor
from fastness.db.model import Model

SCHEMA: Final = "fastness_rls"
"""The functions lie in a schema of their own; its comment is the digest of the rules."""
SEARCH_PATH: Final = f"pg_catalog, public, {SCHEMA}, pg_temp"
_PREFIX: Final = "fastness_"

OFF: Final = (
    r"""DO $$ DECLARE each record; BEGIN
    FOR each IN SELECT schemaname, tablename, policyname FROM pg_catalog.pg_policies
        WHERE policyname LIKE 'fastness\_%' AND schemaname = 'public'
    LOOP
        EXECUTE pg_catalog.format('DROP POLICY %I ON %I.%I', each.policyname, each.schemaname, each.tablename);
        EXECUTE pg_catalog.format('ALTER TABLE %I.%I NO FORCE ROW LEVEL SECURITY', each.schemaname, each.tablename);
        EXECUTE pg_catalog.format('ALTER TABLE %I.%I DISABLE ROW LEVEL SECURITY', each.schemaname, each.tablename);
    END LOOP;
END $$""",
    f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE",
)
"""Takes every rule away that was written before."""

_BEGIN: Final = (
    f"CREATE SCHEMA {SCHEMA}",
    f"GRANT USAGE ON SCHEMA {SCHEMA} TO PUBLIC",
    f"""CREATE FUNCTION {SCHEMA}.actor() RETURNS jsonb LANGUAGE sql STABLE
RETURN nullif(current_setting('{SETTING}', true), '')::jsonb""",
    # Inside the functions below the search_path says that they are asking: settings of our own cannot be part of a function
    # unless a superuser makes it. The bodies are bound to their operators here, so they need no search_path themselves.
    f"""CREATE FUNCTION {SCHEMA}.passes() RETURNS boolean LANGUAGE sql STABLE
RETURN current_setting('search_path') = '{SEARCH_PATH}'
    OR coalesce((nullif(current_setting('{SETTING}', true), '')::jsonb ->> 'passes')::boolean, false)""",
)
_WHO: Final = f"(SELECT {SCHEMA}.actor())"
_PASSES: Final = f"(SELECT {SCHEMA}.passes())"


def row_security_statements() -> tuple[str, ...]:
    """The statements that enforce all policies with `row_security`, in place of what was enforced before.

    Raises:
        RowSecurityError: a policy decides in Python, or cannot hold in the database for another reason; the message says why.
    """
    guards = secured_guards()
    _check_all_policies(frozenset(guard.table.name for guard in guards))
    rules = [statement for guard in guards for statement in _rules_of(guard)]
    digest = sha256("\n".join((*_BEGIN, *rules)).encode()).hexdigest()
    return (*OFF, *_BEGIN, *rules, f"COMMENT ON SCHEMA {SCHEMA} IS '{digest}'")


def digest_of(statements: Iterable[str]) -> str:
    """The digest that the database keeps of these statements."""
    return [*statements][-1].split("'")[1]


def secured_guards() -> tuple[Guard, ...]:
    """The tables of the models that ask for row-level security, with those that only belong to them."""
    policies = registry()
    guards = [
        guard
        for guard in policies.guards.values()
        if any(policies.policy_of(model).row_security for model in guard.models)
    ]
    for guard in guards:
        if guard.table.schema:
            raise RowSecurityError(
                f"the table {guard.table} lies in a schema of its own; row-level security takes tables of public"
            )
    return tuple(sorted(guards, key=lambda guard: guard.name))


def _rules_of(guard: Guard) -> Iterator[str]:
    name = _DIALECT.identifier_preparer.quote(guard.table.name)
    conditions = {
        "SELECT": _view(guard),
        "INSERT": _either(guard, lambda _: {CREATE}),
        "UPDATE": _either(guard, lambda policy: (policy.writing - {DELETE}) | (set() if guard.is_own else {CREATE})),
        "DELETE": _either(
            guard, lambda policy: policy.writing & {DELETE} if guard.is_own else policy.writing | {CREATE}
        ),
    }
    is_changed = guard.is_own and conditions["UPDATE"] is not None
    after = _after(guard) if is_changed else conditions["UPDATE"]
    yield f"ALTER TABLE public.{name} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE public.{name} FORCE ROW LEVEL SECURITY"
    made: dict[str, str] = {}
    for command, condition in (*conditions.items(), ("AFTER", after)):
        function, made[command] = _test(guard, command, condition)
        if function is not None:
            yield function
    for command, clause in (
        ("SELECT", f"USING ({made['SELECT']})"),
        ("INSERT", f"WITH CHECK ({made['INSERT']})"),
        ("UPDATE", f"USING ({made['UPDATE']}) WITH CHECK ({made['AFTER']})"),
        ("DELETE", f"USING ({made['DELETE']})"),
    ):
        yield f"CREATE POLICY {_PREFIX}{command.lower()} ON public.{name} FOR {command}\n{clause}"


def _test(guard: Guard, command: str, condition: ColumnElement[bool] | None) -> tuple[str | None, str]:
    """The function behind a condition, if it needs one, and the test of a row."""
    if condition is None:
        return None, _PASSES
    serves = all(registry().policy_of(model).serves_anonymous for model in guard.models)
    who = _WHO if serves else f"{_WHO} ->> 'is_anonymous' = 'false'"
    known = f"{_WHO} IS NOT NULL" if serves else f"coalesce({who}, false)"
    text = _compile(guard, condition)
    function = None
    if _has_subquery(condition):
        quote = _DIALECT.identifier_preparer.quote
        table = quote(guard.table.name)
        called = f"{SCHEMA}.{quote(f'{guard.name}_{command.lower()}'[:63])}"
        # Inside, the rules of the tables that are asked are passed: the condition means the same as in the app.
        function = (
            f"CREATE FUNCTION {called}({table} public.{table}, {ACTOR} jsonb) RETURNS boolean\n"
            f"LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {SEARCH_PATH} AS\n"
            f"{_TAG} SELECT {text} {_TAG}"
        )
        test = f"{called}({table}.*, {_WHO})"
    else:
        test = text.replace(ACTOR, _WHO)
    return function, f"CASE WHEN {_PASSES} THEN true WHEN NOT {known} THEN false ELSE {test} END"


_TAG: Final = "$fastness$"


def _view(guard: Guard) -> ColumnElement[bool]:
    return guard.condition({model: _condition(model, VIEW) for model in guard.models})


def _after(guard: Guard) -> ColumnElement[bool]:
    (model,) = guard.models
    policy = registry().policy_of(model)
    return guard.condition({model: _condition(model, AFTER if AFTER in policy.actions else VIEW)})


def _either(guard: Guard, choose: Any) -> ColumnElement[bool] | None:  # noqa: ANN401 - a function of a policy
    """Rows for which the actor may do one of the chosen actions with one of the objects, and view the others."""
    found: list[ColumnElement[bool]] = []
    for model in guard.models:
        policy = registry().policy_of(model)
        for action in sorted(choose(policy) & policy.actions):
            conditions: Mapping[type[Model], ColumnElement[bool]] = {
                other: _condition(other, action if other is model else VIEW) for other in guard.models
            }
            found.append(guard.condition(conditions))
    return or_(*found) if found else None


def _condition(model: type[Model], action: str) -> ColumnElement[bool]:
    policy = registry().policy_of(model)
    actor = symbolic_actor(serves_anonymous=policy.serves_anonymous)
    try:
        condition = policy.condition(actor, action)
    except RowSecurityError as error:
        raise RowSecurityError(f"{_name(policy, action)} cannot be enforced in the database: {error.detail}") from None
    except PolicyError:
        raise
    except (TypeError, AttributeError, ValueError) as error:
        raise RowSecurityError(
            f"{_name(policy, action)} cannot be enforced in the database: with an actor whose values are not known yet it "
            f"raises {type(error).__name__}: {error}"
        ) from error
    for element in visitors.iterate(condition):
        if isinstance(element, BindParameter) and _is_moment(element.value):
            raise RowSecurityError(
                f"{_name(policy, action)} holds a moment, which would stay as it is now; write func.now() or "
                "func.current_date(), which the database evaluates each time"
            )
    return condition


def _is_moment(value: object) -> bool:
    values = value if isinstance(value, list | tuple | set | frozenset) else (value,)
    return any(isinstance(each, date | time) for each in values)


def _check_all_policies(secured: frozenset[str]) -> None:
    """The app's own subqueries see less once tables are secured; that must never make a condition true."""
    policies = registry()
    for policy in policies.policies.values():
        for action in sorted(policy.actions):
            try:
                condition = _condition(policy.table_model, action)
            except RowSecurityError:
                if policy.row_security and action in {VIEW, CREATE, AFTER, *policy.writing}:
                    raise
                continue  # decided in Python; what it asks of the database was not seen
            own = str(policy.table_model.__mapper__.local_table.description)
            refuse_hidden_rows(condition, secured, own=own, where=_name(policy, action))


def _compile(guard: Guard, condition: ColumnElement[bool]) -> str:
    statement = select(PolicyCriterion(condition, guard.table, guard.name)).select_from(guard.table)
    try:
        text = str(statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))
    except CompileError as error:
        raise RowSecurityError(
            f"a condition of {guard.label} holds a value that cannot be written into a rule: {error}"
        ) from error
    end = f" \nFROM {_DIALECT.identifier_preparer.quote(guard.table.name)}"
    body = text.removeprefix("SELECT ").removesuffix(end).removesuffix(" AS anon_1")
    if body == text or _TAG in body or not body.endswith(")"):
        raise RowSecurityError(f"a condition of {guard.label} has a form that cannot be written into a rule")
    return body


def _has_subquery(condition: ColumnElement[bool]) -> bool:
    return any(isinstance(element, Select) for element in visitors.iterate(condition))


def _name(policy: PolicyLike, action: str) -> str:
    return f"{type(policy).__name__}.{action}"


def _dialect() -> Any:  # noqa: ANN401 - SQLAlchemy's is hardly typed
    dialect: Any = PGDialect()  # type: ignore[no-untyped-call]
    dialect.statement_compiler = scope_compiler(dialect.statement_compiler)
    # standard_conforming_strings is on since PostgreSQL 9.1: a backslash in a literal is one character.
    dialect._backslash_escapes = False  # noqa: SLF001 - SQLAlchemy asks the server
    return dialect


_DIALECT: Final = _dialect()
