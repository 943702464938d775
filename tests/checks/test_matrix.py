"""Which kinds of people the matrix tells apart, and what its cells say of them."""

import pytest

from fastness.checks.matrix import Outcome, cell_of, columns_of
from fastness.kernel.because import Because
from fastness.web import access
from fastness.web.routing import Routes, seal_route


async def handler(request): ...


def route(rule, path="/page", **options):
    routes = Routes()
    routes.get(path, access=rule, **options)(handler)
    (declared,) = routes.declared()
    return seal_route(declared)


def cells(one, roles=None):
    return {column.title: str(cell_of(one, column.identity)) for column in columns_of([one], roles)}


def no(identity):
    return False


@pytest.mark.parametrize(
    ("rule", "anonymous", "signed_in"),
    [
        pytest.param(access.public, "allowed", "allowed", id="public"),
        pytest.param(access.signed_in, "denied", "allowed", id="signed-in"),
        pytest.param(access.second_factor, "denied", "allowed + second factor", id="second-factor"),
        pytest.param(access.fresh(minutes=5), "denied", "allowed + fresh", id="fresh"),
        pytest.param(
            access.fresh(minutes=5) & access.second_factor, "denied", "allowed + second factor + fresh", id="both"
        ),
        pytest.param(access.fresh(minutes=5) | access.signed_in, "denied", "allowed", id="either"),
        pytest.param(access.network("10.0.0.0/8"), "by condition", "by condition", id="network"),
        pytest.param(
            access.network("10.0.0.0/8") & access.signed_in, "denied", "by condition", id="network-and-person"
        ),
        pytest.param(
            access.network("10.0.0.0/8") | access.signed_in, "by condition", "allowed", id="network-or-person"
        ),
        pytest.param(access.test(no), "denied", "by condition", id="test"),
        pytest.param(access.hidden(access.signed_in & access.test(no)), "denied", "by condition", id="hidden-test"),
        pytest.param(access.hidden(access.second_factor), "denied", "allowed + second factor", id="hidden"),
        pytest.param(access.test(no) | access.public, "allowed", "allowed", id="test-or-anybody"),
    ],
)
def test_a_rule_without_roles_has_two_columns(rule, anonymous, signed_in):
    assert cells(route(rule)) == {"anonymous": anonymous, "signed in": signed_in}


def test_each_role_and_permission_that_a_rule_names_has_a_column():
    found = cells(route(access.role("editors") | (access.permission("cases.edit") & access.second_factor)))
    assert found["signed in"] == "denied"
    assert found["role editors"] == "allowed"
    assert found["permission cases.edit"] == "allowed + second factor"
    assert found["role superuser"] == "allowed + second factor"
    assert "role ghosts" in cells(route(access.hidden(access.role("ghosts"))))


def test_a_declared_role_has_what_its_permissions_open():
    roles = {"editors": frozenset({"cases.edit"}), "readers": frozenset({"cases.view"})}
    found = cells(route(access.permission("cases.edit")), roles)
    assert (found["role editors"], found["role readers"]) == ("allowed", "denied")


@pytest.mark.parametrize(
    ("path", "options", "outcome"),
    [
        pytest.param("/cases/{case_id:uuid}", {}, Outcome.BY_OBJECT, id="object"),
        pytest.param("/cases", {}, Outcome.ALLOWED, id="no-object"),
        pytest.param("/files/{path:path}", {"read_session": False}, Outcome.ALLOWED, id="the-same-for-everybody"),
    ],
)
def test_the_object_has_the_last_word_where_the_address_names_one(path, options, outcome):
    one = route(access.public, path, **options)
    assert cell_of(one, None).outcome is outcome


def test_what_a_mounted_app_answers_is_not_known():
    routes = Routes()
    routes.mount("/api", handler, access=access.signed_in, insecure_skip_csrf=Because("it has tokens of its own"))
    (declared,) = routes.declared()
    assert cells(seal_route(declared)) == {"anonymous": "denied", "signed in": "by object"}
