import dataclasses
import json
from uuid import uuid4

import pytest

from fastness.sessions.identity import Identity, identity_from_json, identity_to_json

IDENTITY = Identity(
    id=uuid4(),
    username="anna",
    display_name="Anna \u2028 \n Ärger",
    is_staff=True,
    roles=frozenset({"clerk", "auditor"}),
    permissions=frozenset({"cases.view"}),
    authenticated_at=1_700_000_000.25,
    second_factor_at=1_700_000_001.5,
    epoch=7,
)


@pytest.mark.parametrize(
    "identity",
    [
        pytest.param(IDENTITY, id="full"),
        pytest.param(
            Identity(id=uuid4(), username="", display_name="", authenticated_at=0.0), id="with defaults, and empty"
        ),
    ],
)
def test_an_identity_survives_its_record(identity):
    assert identity_from_json(json.loads(json.dumps(identity_to_json(identity)))) == identity


def test_equal_identities_give_equal_bytes():
    names = [f"cases.permission{n}" for n in range(50)]
    forwards = dataclasses.replace(IDENTITY, permissions=frozenset(names))
    backwards = dataclasses.replace(IDENTITY, permissions=frozenset(reversed(names)))
    assert json.dumps(identity_to_json(forwards)) == json.dumps(identity_to_json(backwards))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"roles": "admin"}, id="a text of roles"),
        pytest.param({"permissions": [1]}, id="a number as permission"),
        pytest.param({"id": "anna"}, id="an id that is no UUID"),
        pytest.param({"id": 5}, id="an id that is a number"),
        pytest.param({"authenticated_at": "now"}, id="a time that is a text"),
        pytest.param({"username": None}, id="no name"),
    ],
)
def test_a_record_that_is_not_ours_is_refused(fault):
    with pytest.raises((ValueError, TypeError)):
        identity_from_json({**identity_to_json(IDENTITY), **fault})


def test_a_missing_field_is_refused():
    data = identity_to_json(IDENTITY)
    del data["permissions"]
    with pytest.raises(KeyError):
        identity_from_json(data)


@pytest.mark.parametrize("value", [1, "true", "false", None, [True]])
def test_staff_is_true_and_nothing_like_it(value):
    assert identity_from_json({**identity_to_json(IDENTITY), "is_staff": value}).is_staff is False


def test_permissions_are_compared_exactly():
    assert IDENTITY.has_permission("cases.view")
    assert not IDENTITY.has_permission("cases.View")
    assert not IDENTITY.has_permission("cases")


@pytest.mark.parametrize(
    ("change", "gains"),
    [
        pytest.param({}, False, id="nothing"),
        pytest.param({"display_name": "Bertha", "epoch": 9}, False, id="another name"),
        pytest.param({"is_staff": True}, True, id="staff"),
        pytest.param({"roles": frozenset({"clerk", "auditor"})}, True, id="a role more"),
        pytest.param({"roles": frozenset({"auditor"})}, True, id="one role for another"),
        pytest.param({"roles": frozenset()}, False, id="a role less"),
        pytest.param({"permissions": frozenset({"cases.view", "cases.close"})}, True, id="a permission more"),
        pytest.param({"permissions": frozenset()}, False, id="a permission less"),
        pytest.param({"second_factor_at": 5.0}, True, id="a second factor"),
    ],
)
def test_what_counts_as_a_gain(change, gains):
    former = dataclasses.replace(IDENTITY, is_staff=False, roles=frozenset({"clerk"}), second_factor_at=None)
    assert dataclasses.replace(former, **change).gains_over(former) is gains
