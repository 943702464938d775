"""What a policy may do with an actor whose values are not known, and what it may ask of secured tables."""

import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import exists, func, or_, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import aliased

from fastness.authz.errors import RowSecurityError
from fastness.authz.monotone import refuse_hidden_rows
from fastness.authz.rls import row_security_statements
from fastness.authz.symbolic import symbolic_actor
from tests.authz.rowmodels import Bureau, Folder, Post

ACTOR = symbolic_actor(serves_anonymous=True)
SOMEBODY = uuid.UUID(int=1)

WRITTEN = [
    pytest.param(lambda: Folder.owner_id == ACTOR.id, "row_files.owner_id = (fastness_actor ->> 'id')::uuid", id="id"),
    pytest.param(
        lambda: ACTOR.id == Folder.owner_id, "row_files.owner_id = (fastness_actor ->> 'id')::uuid", id="turned"
    ),
    pytest.param(
        lambda: Folder.owner_id != ACTOR.id, "row_files.owner_id != (fastness_actor ->> 'id')::uuid", id="other"
    ),
    pytest.param(
        lambda: or_(Folder.owner_id == ACTOR.id, ACTOR.may("a.b")),
        "row_files.owner_id = (fastness_actor ->> 'id')::uuid OR "
        "((fastness_actor -> 'permissions') @> to_jsonb(CAST('a.b' AS TEXT)))",
        id="permission",
    ),
    pytest.param(
        lambda: ACTOR.may("a.b") & (Folder.owner_id == ACTOR.id),
        "((fastness_actor -> 'permissions') @> to_jsonb(CAST('a.b' AS TEXT))) AND "
        "row_files.owner_id = (fastness_actor ->> 'id')::uuid",
        id="permission first",
    ),
    pytest.param(
        lambda: Folder.title.in_(ACTOR.roles),
        "row_files.title IN (SELECT jsonb_array_elements_text(fastness_actor -> 'roles'))",
        id="roles",
    ),
]


@pytest.mark.parametrize(("make", "expected"), WRITTEN)
def test_what_becomes_sql(make, expected):
    text = str(make().compile(dialect=postgresql.dialect(paramstyle="named"), compile_kwargs={"literal_binds": True}))
    assert " ".join(text.split()).replace("AS anon_1", "").strip() == expected


DECIDED = [
    pytest.param(lambda: bool(ACTOR.id), id="truth of the id"),
    pytest.param(lambda: ACTOR.id == SOMEBODY, id="equal in Python"),
    pytest.param(lambda: ACTOR.id != SOMEBODY, id="unequal in Python"),
    pytest.param(lambda: ACTOR.id in [SOMEBODY, uuid.UUID(int=2)], id="in a list"),
    pytest.param(lambda: str(ACTOR.id), id="text"),
    pytest.param(lambda: f"{ACTOR.id}", id="formatted"),
    pytest.param(lambda: 1 if ACTOR.may("a.b") else 2, id="if may"),
    pytest.param(lambda: not ACTOR.may("a.b"), id="not may"),
    pytest.param(lambda: 1 if ACTOR.is_anonymous else 2, id="if anonymous"),
    pytest.param(lambda: "editors" in ACTOR.roles, id="in roles"),
    pytest.param(lambda: sorted(ACTOR.permissions), id="through permissions"),
    pytest.param(lambda: len(ACTOR.roles), id="how many roles"),
    pytest.param(lambda: bool(ACTOR.roles), id="any roles"),
]


@pytest.mark.parametrize("decide", DECIDED)
def test_what_is_decided_in_python_is_refused(decide):
    with pytest.raises(RowSecurityError):
        decide()


def test_an_id_cannot_be_looked_up_in_a_set():
    with pytest.raises(TypeError):
        _ = ACTOR.id in {SOMEBODY, uuid.UUID(int=2)}


OTHER = aliased(Post)
SECURED = frozenset({"row_posts", "row_bureaus"})
POSITIVE = exists().where(OTHER.bureau_id == Folder.bureau_id)
WIDENED = [
    pytest.param(~POSITIVE, id="not exists"),
    pytest.param(or_(Folder.title == "x", ~POSITIVE), id="not exists beside another"),
    pytest.param(Folder.bureau_id.not_in(select(OTHER.bureau_id)), id="not in"),
    pytest.param(select(func.count(OTHER.id)).scalar_subquery() == 0, id="count"),
    pytest.param(
        exists().where(Bureau.id == Folder.bureau_id, ~exists().where(Post.bureau_id == Bureau.id)), id="inside"
    ),
    pytest.param(
        exists(select(Bureau.id).outerjoin(OTHER, OTHER.bureau_id == Bureau.id).where(OTHER.id.is_(None))),
        id="outer join",
    ),
]
NARROWED = [
    pytest.param(POSITIVE, id="exists"),
    pytest.param(or_(Folder.title == "x", POSITIVE), id="exists beside another"),
    pytest.param(Folder.bureau_id.in_(select(OTHER.bureau_id)), id="in"),
    pytest.param(
        exists().where(Bureau.id == Folder.bureau_id, exists().where(Post.bureau_id == Bureau.id)), id="inside"
    ),
    pytest.param(~(Folder.title == "x"), id="a negation without a subquery"),
    pytest.param(exists(select(Bureau.id).join(OTHER, OTHER.bureau_id == Bureau.id)), id="join"),
]


@pytest.mark.parametrize("condition", WIDENED)
def test_what_hidden_rows_could_widen_is_refused(condition):
    with pytest.raises(RowSecurityError):
        refuse_hidden_rows(condition, SECURED, own="row_files", where="FolderPolicy.view")


@pytest.mark.parametrize("condition", NARROWED)
def test_what_hidden_rows_narrow_is_not(condition):
    refuse_hidden_rows(condition, SECURED, own="row_files", where="FolderPolicy.view")


@pytest.mark.parametrize("condition", WIDENED)
def test_of_tables_without_row_security_anything_may_be_asked(condition):
    refuse_hidden_rows(condition, frozenset(), own="row_files", where="FolderPolicy.view")


BRANCHES = [
    pytest.param(
        lambda _self, actor: Folder.owner_id == actor.id if actor.may("a.b") else Folder.title == "", id="branch"
    ),
    pytest.param(lambda _self, actor: Folder.title == actor.id.hex, id="a part of the id"),
    pytest.param(lambda _self, _actor: Folder.title < datetime.now(UTC), id="a moment"),
]


@pytest.mark.usefixtures("row_security")
@pytest.mark.parametrize("view", BRANCHES)
def test_the_statements_are_refused_for_a_policy_that_decides(view, monkeypatch):
    assert row_security_statements()
    monkeypatch.setattr("tests.authz.rowmodels.FolderPolicy.view", view)
    with pytest.raises(RowSecurityError, match=r"FolderPolicy\.view"):
        row_security_statements()


@pytest.mark.usefixtures("row_security")
def test_the_statements_are_the_same_each_time():
    assert row_security_statements() == row_security_statements()
