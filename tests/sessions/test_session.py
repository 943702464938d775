"""One session within one request: values, copies, limits."""

import math

import pytest

from fastness.kernel.tokens import hash_token
from fastness.sessions.session import NoSessionIdError, Session, SessionTooLargeError, SessionValueError


@pytest.fixture
def session():
    return Session(now=1.0, max_bytes=16_000)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="null"),
        pytest.param(True, id="bool"),
        pytest.param(-(2**63), id="smallest integer"),
        pytest.param(2**63 - 1, id="largest integer"),
        pytest.param(1.5, id="float"),
        pytest.param("\ud800\x00\u2028", id="hostile text"),
        pytest.param([1, ["a"], {}], id="list"),
        pytest.param({"a": {"b": [None]}}, id="object"),
    ],
)
def test_json_values_are_taken(session, value):
    session.set("key", value)
    assert session.get("key") == value
    assert type(session.get("key")) is type(value)


LOOP: list[object] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"bytes", id="bytes"),
        pytest.param((1, 2), id="tuple: would come back as a list"),
        pytest.param({1: "a"}, id="key that is no text: would come back as one"),
        pytest.param({"a": {1, 2}}, id="set inside"),
        pytest.param(math.nan, id="not a number"),
        pytest.param(-math.inf, id="infinity"),
        pytest.param(2**63, id="integer beyond 64 bits"),
        pytest.param(object(), id="object of a class"),
        pytest.param(LOOP, id="list within itself"),
    ],
)
def test_other_values_are_refused(session, value):
    with pytest.raises(SessionValueError) as caught:
        session.set("key", value)
    assert caught.value.code == "session_value"
    assert session.keys() == ()
    assert not session.is_changed


def test_a_key_is_a_text(session):
    with pytest.raises(SessionValueError):
        session.set(5, "value")


def test_changing_what_get_returned_changes_nothing(session):
    session.set("cart", {"items": [1]})
    session.get("cart")["items"].append(2)
    assert session.get("cart") == {"items": [1]}


def test_changing_what_was_set_changes_nothing(session):
    items = [1]
    session.set("cart", {"items": items})
    items.append(2)
    assert session.get("cart") == {"items": [1]}


def test_a_value_that_is_not_there(session):
    assert session.get("key") is None
    assert session.get("key", "default") == "default"
    assert "key" not in session
    session.set("key", None)
    assert session.get("key", "default") is None
    assert "key" in session


def test_deleting(session):
    session.set("key", 1)
    assert session.delete("key") is True
    assert session.delete("key") is False
    assert session.keys() == ()


def test_a_session_that_grows_too_large_is_refused_where_it_grows(session):
    session.set("small", "x")
    with pytest.raises(SessionTooLargeError) as caught:
        session.set("large", "x" * 16_000)
    assert caught.value.code == "session_too_large"
    assert session.keys() == ("small",)
    session.set("fits", "x" * 15_900)
    with pytest.raises(SessionTooLargeError):
        session.set("last straw", "x" * 100)


def test_no_id_before_one_is_needed(session):
    assert not session.has_id
    assert not session.is_changed
    with pytest.raises(NoSessionIdError) as caught:
        _ = session.id_hash
    assert caught.value.code == "no_session_id"


def test_an_id_can_be_required_before_saving(session):
    id_hash = session.require_id()
    assert id_hash == session.id_hash == session.require_id() == hash_token(session._token)
    assert session.has_id
    assert session.is_changed
    assert session.is_new


def test_attributes_cannot_be_invented(session):
    with pytest.raises(AttributeError):
        session.user = "anna"
    with pytest.raises(AttributeError):
        session.identity = None


def test_its_text_does_not_hold_the_id(session):
    session.require_id()
    assert session._token not in repr(session) + str(session)
