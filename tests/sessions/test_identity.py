import dataclasses
import json
from uuid import uuid4

import pytest

from fastness.sessions.identity import SUPERUSER, Identity, identity_from_json, identity_to_json

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


@pytest.mark.parametrize(
    ("permission", "may"),
    [
        pytest.param("cases.view", True, id="held"),
        pytest.param("cases.View", False, id="another case"),
        pytest.param("cases", False, id="the part"),
        pytest.param("cases.", False, id="a prefix"),
        pytest.param("cases.view.all", False, id="longer"),
        pytest.param(" cases.view", False, id="with a space"),
        pytest.param("c\u0430ses.view", False, id="with a Cyrillic letter"),
        pytest.param("cases.view\u200b", False, id="with an invisible one"),
        pytest.param("\uff43ases.view", False, id="with a wide one"),
        pytest.param("", False, id="empty"),
        pytest.param("*", False, id="star"),
    ],
)
def test_permissions_are_compared_exactly(permission, may):
    assert IDENTITY.may(permission) is may


@pytest.mark.parametrize(
    ("role", "is_superuser"),
    [
        pytest.param("superuser", True, id="the role"),
        pytest.param("Superuser", False, id="another case"),
        pytest.param("superuser ", False, id="a space more"),
        pytest.param("\u0455uperuser", False, id="a Cyrillic letter"),
        pytest.param("super\u200buser", False, id="an invisible letter"),
        pytest.param("\uff53uperuser", False, id="a wide letter"),
        pytest.param("superusers", False, id="longer"),
    ],
)
def test_a_superuser_has_that_very_role(role, is_superuser):
    identity = dataclasses.replace(IDENTITY, roles=frozenset({role}), permissions=frozenset())
    assert identity.is_superuser is is_superuser
    assert identity.may("cases.view") is is_superuser


def test_being_a_superuser_is_told_where_it_made_the_difference():
    told = []
    both = dataclasses.replace(IDENTITY, roles=frozenset({SUPERUSER})).witnessed(told.append)
    assert both.may("cases.view")
    assert told == []
    assert both.may("cases.close")
    assert told == ["cases.close"]
    assert not both.without_superuser().may("cases.close")


def test_a_witness_is_of_one_request():
    witnessed = IDENTITY.witnessed([].append)
    assert witnessed == IDENTITY
    assert hash(witnessed) == hash(IDENTITY)
    assert identity_from_json(identity_to_json(witnessed)).witness is None


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
