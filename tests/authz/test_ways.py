"""The ways to a guarded model: each raises without its scope; in scope each gets only what the policy allows."""

import pytest

from fastness.authz.errors import UnscopedError
from fastness.authz.scope import scoped
from tests.authz.conftest import ADA, BOB
from tests.authz.ways import WAYS


def without_scope(statement, may="view"):
    return statement


def in_scope_of(actor):
    return lambda statement, may="view": scoped(statement, actor, may)


@pytest.mark.parametrize(("way", "expected"), WAYS)
async def test_without_a_scope_it_raises(session, way, expected):
    with pytest.raises(UnscopedError):
        await way(session, without_scope)


@pytest.mark.parametrize(("way", "expected"), WAYS)
async def test_in_scope_it_gets_what_the_policy_allows(session, way, expected):
    assert await way(session, in_scope_of(ADA)) == expected


@pytest.mark.parametrize(("way", "expected"), WAYS)
async def test_a_statement_compiled_for_one_actor_gives_another_their_own(session, begin, way, expected):
    """The second actor's statement is the cached one; only its values differ."""
    other = begin(BOB)
    try:
        await way(other.session, in_scope_of(BOB))
    finally:
        await other.finish(500)
    assert await way(session, in_scope_of(ADA)) == expected


def test_there_are_at_least_forty():
    assert len(WAYS) >= 40
