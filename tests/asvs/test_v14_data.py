"""V14, data: nothing private in addresses, in caches, or in a browser that signed out."""

import pytest

from fastness import HTMLResponse, JSONResponse, Routes, access
from tests.web.mounts import sign_in_routes


@pytest.fixture
def routes():
    routes = Routes()

    @routes.get("/private", access=access.signed_in)
    async def private(request):
        return HTMLResponse(f"for {request.user.username} only")

    @routes.get("/tokens", access=access.signed_in, tokens=True)
    async def tokens(request):
        return JSONResponse(request.user.username)

    return routes


async def test_v14_2_1_an_address_signs_nobody_in(make_shop, browse, routes):
    shop = await make_shop(routes, sign_in_routes())
    async with browse(shop) as ada, browse(shop) as stranger:
        await ada.fetch("/sign-in", "POST")
        token = ada.cookies["__Host-session"].value
        assert (await ada.fetch("/tokens")).status == 200
        for name in ("__Host-session", "session", "sid", "access_token", "token", "api_key", "authorization"):
            page = await stranger.raw("GET", f"/tokens?{name}={token}")
            assert page.status == 401


async def test_v14_2_1_a_token_in_an_address_is_not_even_looked_at(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        in_header = await browser.raw("GET", "/tokens", headers={"authorization": "Bearer wrong"})
        in_address = await browser.raw("GET", "/tokens?access_token=wrong&authorization=Bearer+wrong")
    assert 'error="invalid_token"' in in_header.headers["www-authenticate"]
    assert in_address.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path",
    [
        "/private/x.css",
        "/private.css",
        "/private;x.css",
        "/private%2fx.css",
        "/private/.css",
        "/private%00.css",
        "/private%3fx.css",
    ],
)
async def test_v14_2_5_a_private_page_has_no_second_name_that_a_cache_would_keep(make_shop, browse, routes, path):
    shop = await make_shop(routes, sign_in_routes())
    async with browse(shop) as browser:
        await browser.fetch("/sign-in", "POST")
        page = await browser.fetch(path)
    assert page.status in {400, 404}
    assert "for ada only" not in page.text


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
async def test_v14_2_2_v14_3_2_what_is_private_is_not_stored(make_shop, browse, routes, accept):
    shop = await make_shop(routes, sign_in_routes())
    async with browse(shop) as browser:
        answers = [await browser.fetch("/private", headers={"accept": accept})]
        answers.append(await browser.fetch("/sign-in", "POST"))
        answers.append(await browser.fetch("/private", headers={"accept": accept}))
    assert [page.status for page in answers][1:] == [200, 200]
    assert {page.headers["cache-control"] for page in answers} == {"no-store"}
