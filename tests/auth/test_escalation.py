"""Nobody gives what they do not hold."""

from uuid import UUID

import pytest

from fastness.auth.escalation import Change, EscalationReason, Giver, decide_change
from fastness.kernel.verdicts import ALLOW

ME, OTHER = UUID(int=1), UUID(int=2)
R = EscalationReason


def giver(*permissions, is_superuser=False):
    return Giver(id=ME, is_superuser=is_superuser, permissions=frozenset(permissions))


def giving(*permissions, roles=("editors",), to=(OTHER,), gives=True):
    return Change(gives=gives, roles=frozenset(roles), permissions=frozenset(permissions), receivers=frozenset(to))


@pytest.mark.parametrize(
    ("who", "change", "reason"),
    [
        pytest.param(giver("a.b"), giving("a.b"), None, id="what-is-held"),
        pytest.param(giver("a.b"), giving("a.b", "a.c"), R.BEYOND_OWN, id="one-more-than-is-held"),
        pytest.param(giver(), giving(), None, id="nothing-but-a-name"),
        pytest.param(giver("a.b"), giving("a.b", to=(ME,)), R.SELF, id="to-oneself"),
        pytest.param(giver("a.b"), giving(to=(ME,)), R.SELF, id="a-mere-name-to-oneself"),
        pytest.param(giver("a.b"), giving("a.b", to=(ME, OTHER)), R.SELF, id="to-a-group-with-oneself"),
        pytest.param(giver("a.b"), giving("a.b", to=()), None, id="to-nobody-yet"),
        pytest.param(giver("a.b"), giving("a.c", to=()), R.BEYOND_OWN, id="to-nobody-yet-beyond"),
        pytest.param(giver("a.b"), giving("a.c", gives=False), None, id="taking-what-is-not-held"),
        pytest.param(giver("a.b"), giving("a.b", gives=False, to=(ME,)), None, id="giving-up-one's-own"),
        pytest.param(giver("a.b"), giving(roles=("superuser",)), R.SUPERUSER_ONLY, id="making-a-superuser"),
        pytest.param(giver("a.b"), giving(roles=("superuser",), gives=False), R.SUPERUSER_ONLY, id="unmaking-one"),
        pytest.param(giver("a.b"), giving(roles=("superuser", "editors"), gives=False), R.SUPERUSER_ONLY, id="among"),
        pytest.param(giver("a.b"), giving(roles=("superusers",)), None, id="a-longer-name"),
        pytest.param(giver(is_superuser=True), giving("a.b", roles=("superuser",), to=(ME,)), None, id="superuser"),
    ],
)
def test_the_decision(who, change, reason):
    verdict = decide_change(who, change)
    assert (None if verdict is ALLOW else verdict.reason) == reason
