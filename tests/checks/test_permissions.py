"""Permissions that are declared and that no route demands are listed."""

from fastness import Fastness, JSONResponse, Permissions, Routes, access
from fastness.checks.check import Deployment
from fastness.checks.permissions import UNUSED, check_permissions
from fastness.cli.checking import deployment_of
from fastness.cli.location import Location
from tests.web.shop import make_settings


class StallPermissions(Permissions):
    OPEN = "stall.open", "May open the stall."
    CLOSE = "stall.close", "May close the stall."
    SWEEP = "stall.sweep", "May sweep the floor."


async def answer(request):
    return JSONResponse("answer")


def test_what_no_rule_names_is_listed_and_nothing_else(tmp_path):
    routes = Routes(access=access.signed_in)
    routes.get("/open", access=access.role("boss") | access.permission(StallPermissions.OPEN))(answer)
    routes.get("/close", access=access.hidden(access.permission(StallPermissions.CLOSE)))(answer)
    settings = make_settings(database_url=f"sqlite:///{tmp_path}/data.sqlite3")
    app = Fastness(settings, routes=[routes], permissions=[StallPermissions])
    deployment = Deployment(settings=settings, routes=app.routes, permissions=app.own_permissions, folder=tmp_path)
    assert [(finding.id, finding.where) for finding in check_permissions(deployment)] == [(UNUSED.id, "stall.sweep")]


def test_an_app_without_permissions_has_none_to_list(tmp_path):
    app = Fastness(make_settings(), routes=[])
    deployment = deployment_of(app, Location(folder=tmp_path, migrations=tmp_path / "migrations"))
    assert [*check_permissions(deployment)] == []
