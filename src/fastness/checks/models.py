"""Models that no policy guards.

With a policy, a query on a model that forgets its scope raises. Without one, each handler has to think of it, and the one
that does not shows everybody's rows: the most frequent hole of web applications (OWASP A01). A route that loads a guarded
model out of scope is not looked for here: there is none, the session refuses it.

ASVS 5.0: V8.2.2 (data-specific access), V8.1.1.
"""

from collections.abc import Iterator
from typing import Final

from fastness.auth.users import User
from fastness.authz.registry import registry
from fastness.checks.check import Deployment
from fastness.db.model import Model
from fastness.kernel.findings import Finding, Notice, Severity, Topic

UNGUARDED_OWNER: Final = Notice(
    id="FST-POLICIES-001",
    severity=Severity.MEDIUM,
    title="Rows that belong to people have no policy",
    why="The model refers to a user, and any handler may read everybody's rows of it: one that forgets the condition does.",
    fix="Declare a Policy for the model (docs/guides/policies.md). If everybody may see all of it, say so there: "
    "view returns true().",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.2.2",),
)
UNGUARDED: Final = Notice(
    id="FST-POLICIES-002",
    severity=Severity.INFO,
    title="A model has no policy",
    why="Every handler that asks for it gets all its rows.",
    fix="Nothing, where they are meant for everybody who may use such a route; otherwise declare a Policy.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.2.2",),
)

NOTICES: Final = (UNGUARDED_OWNER, UNGUARDED)


def check_models(deployment: Deployment) -> Iterator[Finding]:
    """The app's models without a policy."""
    guarded = registry().guards
    for model in deployment.models:
        table = model.__mapper__.local_table
        name = str(getattr(table, "name", ""))
        if registry().guarded_model(model.__mapper__) is not None or name.lower() in guarded:
            continue
        columns = _columns_to_users(model)
        if columns:
            yield UNGUARDED_OWNER.found(where=f"{model.__name__} ({', '.join(f'{name}.{each}' for each in columns)})")
        else:
            yield UNGUARDED.found(where=f"{model.__name__} ({name})")


def _columns_to_users(model: type[Model]) -> list[str]:
    return [
        column.name
        for column in model.__mapper__.local_table.columns
        for key in column.foreign_keys
        if key.target_fullname.partition(".")[0] == User.__tablename__
    ]
