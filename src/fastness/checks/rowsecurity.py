"""Does row-level security hold for the account of the app?

PostgreSQL leaves it out for superusers and for accounts with BYPASSRLS, and the owner of a table may switch it off. The rules
in the database are the policies as they were when `fastness db rls` ran; the digest on their schema says whether they still are.

ASVS 5.0: V8.2.2 (data-specific access), V13.2.2 (least privilege).
"""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection

from fastness.authz.errors import RowSecurityError
from fastness.authz.registry import registry
from fastness.authz.rls import SCHEMA, digest_of, row_security_statements, secured_guards
from fastness.checks.check import Deployment
from fastness.db.address import is_postgres_url
from fastness.db.errors import MigrationError
from fastness.db.migrations import look
from fastness.db.statements import FOR_MIGRATIONS
from fastness.kernel.errors import UnavailableError
from fastness.kernel.findings import Finding, Notice, Severity, Topic

NOT_BOUND: Final = Notice(
    id="FST-DATABASE-007",
    severity=Severity.HIGH,
    title="Row-level security does not hold for the app's account",
    why="A superuser and an account with BYPASSRLS pass it, and the owner of a table can switch it off.",
    fix="Give FASTNESS_DATABASE_URL an account that owns nothing, and FASTNESS_MIGRATIONS_URL the owner's.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.2.2", "V13.2.2"),
)
OUTDATED_RULES: Final = Notice(
    id="FST-DATABASE-008",
    severity=Severity.HIGH,
    title="The database does not enforce the policies as they are",
    why="A policy asks for row-level security, and the rules in the database are missing or those of another version.",
    fix="Run `fastness db rls`, read the migration, and run `fastness db upgrade`.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.2.2",),
)
UNENFORCEABLE: Final = Notice(
    id="FST-DATABASE-009",
    severity=Severity.HIGH,
    title="A policy cannot be enforced in the database",
    why="It asks for row-level security and decides in Python.",
    fix="Write the decision in SQL, or take row_security out of the class.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.2.2",),
)

NOTICES: Final = (NOT_BOUND, OUTDATED_RULES, UNENFORCEABLE)

_ACCOUNT: Final = "SELECT rolsuper, rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user"
_OWNED: Final = (
    "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND pg_catalog.pg_has_role(c.relowner, 'MEMBER')"
)
_ENFORCED: Final = (
    "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'public' AND c.relrowsecurity AND c.relforcerowsecurity"
)
_DIGEST: Final = (
    f"SELECT pg_catalog.obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace WHERE nspname = '{SCHEMA}'"  # noqa: S608  # nosec B608 # a constant of this file
)


def check_row_security(deployment: Deployment) -> Iterator[Finding]:
    """Whether the second wall stands."""
    url = deployment.settings.database_url
    if not registry().has_row_security or not is_postgres_url(url):
        return
    try:
        digest = digest_of(row_security_statements())
        tables = {guard.table.name for guard in secured_guards()}
        found = look(url, lambda connection: _look(connection, tables, digest), rules=deployment.settings.database)
    except RowSecurityError as error:
        yield UNENFORCEABLE.found(detail=error.detail)
        return
    except (UnavailableError, MigrationError):
        return  # the check of the migrations says so
    yield from found


def _look(connection: Connection, tables: set[str], digest: str) -> list[Finding]:
    def ask(statement: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in connection.exec_driver_sql(statement, execution_options=FOR_MIGRATIONS)]

    findings: list[Finding] = []
    for is_superuser, passes in ask(_ACCOUNT):
        if is_superuser or passes:
            findings.append(NOT_BOUND.found(where="a superuser" if is_superuser else "an account with BYPASSRLS"))
    if not findings and (owned := sorted(tables & {str(name) for (name,) in ask(_OWNED)})):
        findings.append(NOT_BOUND.found(where=f"it owns {', '.join(owned)}"))
    enforced = {str(name) for (name,) in ask(_ENFORCED)}
    if missing := sorted(tables - enforced):
        findings.append(OUTDATED_RULES.found(where=", ".join(missing)))
    elif [(digest,)] != ask(_DIGEST):
        findings.append(OUTDATED_RULES.found())
    return findings
