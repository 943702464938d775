"""Below a root path every address that is written carries it, and no decision looks at it."""

import re

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from fastness import HTMLResponse, JSONResponse, Routes, access, redirect
from tests.web.wire import ask, messages_of

NAVIGATES = [(b"sec-fetch-mode", b"navigate"), (b"accept", b"text/html")]


@pytest.fixture
def routes():
    routes = Routes()

    @routes.get("/cases/{case_id:int}", access=access.public)
    async def case(request):
        return JSONResponse(
            [request.path_for("case", case_id=7), request.address("/help"), request.exchange.static("x.js")]
        )

    @routes.get("/page", access=access.public)
    async def page(request):
        return HTMLResponse("<p>a page")

    @routes.get("/away", access=access.public)
    async def away(request):
        return redirect(request, "case", case_id=8)

    @routes.get("/mine", access=access.signed_in)
    async def mine(request):
        return JSONResponse("mine")

    async def inner(request):
        return PlainTextResponse(f"{request.url_for('inner')} {request.scope['root_path']} {request.scope['path']}")

    routes.mount("/old", Starlette(routes=[Route("/inner", inner)]), access=access.public)
    return routes


@pytest.fixture
async def shop(make_shop, routes, tmp_path):
    static = tmp_path / "static"
    static.mkdir()
    (static / "x.js").write_text("")
    return await make_shop(routes, static=static)


def header(sent, name):
    return dict(sent[0]["headers"])[name].decode()


# With the prefix in the path, as ASGI asks for, and without it, as some servers hand it over.
@pytest.fixture(params=["/shop", ""], ids=["whole-path", "cut-path"])
def prefix(request):
    return request.param


async def test_addresses_by_name_carry_it(shop, prefix):
    status, body = await ask(shop.app, path=f"{prefix}/cases/1", root_path="/shop")
    assert status == 200
    assert re.fullmatch(rb'\["/shop/cases/7","/shop/help","/shop/static/x\.[0-9a-f]{12}\.js"\]', body)


async def test_redirects_by_name_carry_it(shop, prefix):
    sent = await messages_of(shop.app, path=f"{prefix}/away", root_path="/shop")
    assert header(sent, b"location") == "/shop/cases/8"


async def test_the_way_to_sign_in_and_back_carries_it(shop, prefix):
    sent = await messages_of(
        shop.app, path=f"{prefix}/mine", query_string=b"a=%41", root_path="/shop", headers=NAVIGATES
    )
    assert header(sent, b"location") == "/shop/account/sign-in?next=/shop/mine%3Fa%3D%2541"


async def test_the_sign_in_page_posts_below_it(shop, prefix):
    status, body = await ask(shop.app, path=f"{prefix}/account/sign-in", root_path="/shop", headers=NAVIGATES)
    assert status == 200
    assert b'action="/shop/account/sign-in"' in body
    assert b'"/static/' not in body
    assert b'"/shop/static/' in body


async def test_error_pages_link_below_it(shop, prefix):
    status, body = await ask(shop.app, path=f"{prefix}/none", root_path="/shop", headers=NAVIGATES)
    assert status == 404
    assert b'href="/shop/"' in body
    assert b'"/static/' not in body


async def test_reports_are_sent_below_it(shop, prefix):
    sent = await messages_of(shop.app, path=f"{prefix}/page", root_path="/shop")
    policy = header(sent, b"content-security-policy")
    assert "report-uri /shop/-/csp-report" in policy
    sent = await messages_of(shop.app, path="/page")
    assert "report-uri /-/csp-report" in header(sent, b"content-security-policy")


async def test_the_other_slash_is_below_it(shop, prefix):
    sent = await messages_of(shop.app, path=f"{prefix}/page/", query_string=b"a=%41", root_path="/shop")
    assert header(sent, b"location") == "/shop/page?a=%41"


async def test_the_way_to_tls_carries_it(shop, prefix):
    sent = await messages_of(
        shop.app, path=f"{prefix}/page", query_string=b"a=1", root_path="/shop", scheme="http", headers=NAVIGATES
    )
    assert header(sent, b"location") == "https://shop.example/shop/page?a=1"


async def test_health_answers_below_it(shop, prefix):
    assert await ask(shop.app, path=f"{prefix}/-/health", root_path="/shop", headers=()) == (200, b"ok\n")


async def test_a_mounted_app_is_below_both(shop, prefix):
    _, body = await ask(shop.app, path=f"{prefix}/old/inner", root_path="/shop")
    assert body == b"https://shop.example/shop/old/inner /shop/old /shop/old/inner"


async def test_the_cookie_is_the_hosts_and_not_the_paths(make_shop, routes):
    routes.post("/note", access=access.public)(note)
    shop = await make_shop(routes)
    sent = await messages_of(shop.app, method="POST", path="/shop/note", root_path="/shop")
    # __Host- asks for Path=/ (RFC 6265bis §4.1.3.2): whoever shares the host shares the cookie jar.
    assert "; Path=/;" in header(sent, b"set-cookie") + ";"


async def note(request):
    request.session.set("seen", 1)
    return JSONResponse("noted")


@pytest.mark.parametrize(
    ("root", "written"),
    [
        pytest.param("/shop/", "/shop/cases/7", id="slash-at-its-end"),
        pytest.param("/läden", "/l%C3%A4den/cases/7", id="encoded"),
        pytest.param("/a/b", "/a/b/cases/7", id="two-segments"),
    ],
)
async def test_it_is_written_as_an_address(shop, root, written):
    status, body = await ask(shop.app, path="/cases/1", root_path=root)
    assert (status, body.split(b'"')[1].decode()) == (200, written)


@pytest.mark.parametrize("root", ["shop", "//evil.example", "/a/../b"])
async def test_a_root_path_that_is_no_path_answers_nothing(shop, root):
    with pytest.raises(Exception, match="root path"):
        await ask(shop.app, path="/cases/1", root_path=root)
