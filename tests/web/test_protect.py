"""`fastness.protect`: any ASGI app behind the perimeter, in this process and on real servers."""

import http.client
import json
import sys
import textwrap

import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse

from fastness import Because, access, protect
from fastness.kernel.events import MemorySink
from fastness.testing.servers import asgi_server, free_port, running_server
from fastness.web.route import MissingAccessError
from tests.web.shop import make_settings
from tests.web.wire import ask, messages_of


@pytest.fixture
async def guarded(tmp_path, clock):
    """Protects an app and opens it; closes it after the test."""
    opened = []

    async def make(app, **options):
        settings = make_settings(
            store_url=f"sqlite:///{tmp_path}/store.sqlite3", database_url=f"sqlite:///{tmp_path}/data.sqlite3"
        )
        site = protect(app, settings, clock=clock, events=MemorySink(), **options)
        await site.open()
        opened.append(site)
        return site

    yield make
    for site in opened:
        await site.close()


async def foreign(scope, receive, send):
    await PlainTextResponse(f"{scope['path']} {scope['root_path']!r}")(scope, receive, send)


@pytest.mark.parametrize("path", ["/", "/a", "/a/b", "/account"])
async def test_a_foreign_app_keeps_its_addresses(guarded, path):
    site = await guarded(foreign, access=access.public)
    assert await ask(site, path=path) == (200, f"{path} ''".encode())


async def test_the_perimeter_stands_round_it(guarded):
    site = await guarded(foreign, access=access.public)
    sent = await messages_of(site, path="/a")
    headers = dict(sent[0]["headers"])
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert (await ask(site, path="/a//b"))[0] == 400
    assert (await ask(site, path="/a", headers=[(b"x_forwarded_for", b"1")]))[0] == 400
    status, _ = await ask(site, path="/a", method="POST", headers=[(b"sec-fetch-site", b"cross-site")])
    assert status == 403


async def test_one_rule_holds_for_all_of_a_foreign_app(guarded):
    site = await guarded(foreign, access=access.signed_in)
    for path in ("/", "/a", "/a/b"):
        assert (await ask(site, path=path))[0] == 401
    # The framework's own pages come first: somebody has to be able to sign in.
    assert (await ask(site, path="/account/sign-in"))[0] == 200


async def test_a_foreign_app_needs_a_rule(guarded):
    with pytest.raises(MissingAccessError):
        await guarded(foreign)


async def test_a_fastapi_app_is_sealed_route_by_route(guarded):
    api = FastAPI(openapi_url=None)

    @api.get("/open")
    @access.requires(access.public)
    async def opened():
        return "open"

    @api.get("/closed/{n}")
    @access.requires(access.signed_in)
    async def closed(n: int):
        return n

    site = await guarded(api)
    assert await ask(site, path="/open") == (200, b'"open"')
    assert (await ask(site, path="/closed/7"))[0] == 401
    assert (await ask(site, path="/closed"))[0] == 404
    assert [route.name for route in site.routes if route.name.startswith("root:")] == ["root:opened", "root:closed"]


async def test_options_hold_for_all_of_the_app(guarded):
    site = await guarded(
        foreign, access=access.public, max_body_bytes=10, insecure_skip_csrf=Because("it has tokens of its own")
    )
    route = site.routes[-1]
    assert (route.max_body_bytes, [name for name, _ in route.exemptions()]) == (10, ["insecure_skip_csrf"])


async def test_without_accounts_nothing_stands_beside_the_app_but_files_and_reports(guarded):
    site = await guarded(foreign, access=access.public, accounts=False)
    assert [route.name for route in site.routes] == ["static", "csp_report", "foreign"]


SERVED = """
    from contextlib import asynccontextmanager
    from pathlib import Path

    from fastapi import FastAPI, Request

    from fastness import Secret, Settings, access, protect
    from fastness.kernel.hosts import HostRules
    from fastness.settings.profiles import Profile


    @asynccontextmanager
    async def lifespan(app):
        Path("started").touch()
        yield {"greeting": "hello"}
        Path("ended").touch()


    api = FastAPI(openapi_url=None, lifespan=lifespan)


    @api.get("/open")
    @access.requires(access.public)
    async def opened(request: Request):
        return request.state.greeting


    @api.post("/closed")
    @access.requires(access.signed_in)
    async def closed(body: dict):
        return body


    app = protect(
        api,
        Settings(
            profile=Profile.DEVELOPMENT,
            project="served",
            secret_key=Secret("pZ3v9Qw1Lr8Tn5Yb2Xc7Mp4Hd6Js0Ag-fU_eViO"),
            hosts=HostRules(allowed=("localhost",)),
            is_https_required=False,
            store_url="memory:",
            database_url="sqlite:///data.sqlite3",
        ),
    )
"""


@pytest.mark.sockets
@pytest.mark.parametrize("server", ["granian", "uvicorn"])
def test_on_a_server_the_app_is_served_and_lives_as_long_as_the_site(tmp_path, server):
    (tmp_path / "served.py").write_text(textwrap.dedent(SERVED))
    port = free_port()
    command = asgi_server("served:app", port=port, server=server)
    with running_server(command, port=port, folder=tmp_path, environ={"PYTHONPATH": str(tmp_path)}):
        # The port is open before the app is; the first answer comes when it is whole.
        status, headers, body = request(port, "GET", "/open")
        assert (status, json.loads(body)) == (200, "hello")
        assert headers["x-content-type-options"] == "nosniff"
        assert (tmp_path / "started").exists()
        assert request(port, "POST", "/closed", body="{{{")[0] == 401
        assert request(port, "GET", "/none")[0] == 404
        assert request(port, "HEAD", "/open")[::2] == (200, b"")
    assert (tmp_path / "ended").exists(), sys.version


def request(port, method, path, body=None):
    connection = http.client.HTTPConnection("localhost", port, timeout=60)
    try:
        connection.request(method, path, body=body, headers={"content-type": "application/json"} if body else {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()
