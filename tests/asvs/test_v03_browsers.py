"""V3, browsers: what every answer says to them, and what it never says."""

import pytest

from fastness import HTMLResponse, JSONResponse, Routes, access
from tests.web.mounts import sign_in_routes

ELSEWHERE = "https://evil.example"


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/data")
    async def data(request):
        return JSONResponse({"balance": 7})

    @routes.post("/keep")
    async def keep(request):
        request.session.set("seen", 1)
        return JSONResponse("kept")

    @routes.get("/me")
    async def me(request):
        user = request.user_or_none
        return HTMLResponse(f"{user and user.username} {sorted(request.session.keys())} {request.nonce}")

    return routes


def attributes_of(header):
    """A Set-Cookie header as name and attributes, in small letters."""
    pair, *attributes = header.split("; ")
    return pair.partition("=")[0], {attribute.lower() for attribute in attributes}


async def cookies_set(shop, browse):
    """Every cookie that a session and a sign-in set."""
    async with browse(shop) as browser:
        pages = [await browser.fetch("/keep", "POST"), await browser.fetch("/sign-in", "POST")]
    found = [attributes_of(header) for page in pages for header in page.headers.get_list("set-cookie")]
    assert found
    return found


async def test_v3_3_1_every_cookie_is_for_tls_only_and_says_so_in_its_name(make_shop, browse, routes):
    for name, attributes in await cookies_set(await make_shop(routes, sign_in_routes()), browse):
        assert "secure" in attributes
        assert name.startswith(("__Host-", "__Secure-"))


async def test_v3_3_2_every_cookie_says_what_other_sites_may_do_with_it(make_shop, browse, routes):
    for _, attributes in await cookies_set(await make_shop(routes, sign_in_routes()), browse):
        assert attributes & {"samesite=lax", "samesite=strict"}


async def test_v3_3_3_every_cookie_is_this_hosts_own(make_shop, browse, routes):
    for name, attributes in await cookies_set(await make_shop(routes, sign_in_routes()), browse):
        assert name.startswith("__Host-")
        assert "path=/" in attributes
        assert not any(attribute.startswith("domain") for attribute in attributes)


async def test_v3_3_4_scripts_cannot_read_the_sessions_cookie_and_no_page_tells_it(make_shop, browse, routes):
    shop = await make_shop(routes, sign_in_routes())
    for _, attributes in await cookies_set(shop, browse):
        assert "httponly" in attributes
    async with browse(shop) as browser:
        answers = [await browser.fetch("/sign-in", "POST")]
        token = browser.cookies["__Host-session"].value
        answers += [await browser.fetch(path) for path in ("/me", "/data", "/account", "/account/devices")]
    assert len(token) > 20
    assert not [page.url for page in answers if token in page.text]


@pytest.mark.parametrize(
    "origin", [ELSEWHERE, "null", "https://shop.example.evil.example", "https://shop.example", "http://shop.example"]
)
@pytest.mark.parametrize("path", ["/data", "/me", "/static/fastness.css", "/none"])
async def test_v3_4_2_no_origin_is_granted_anything(make_shop, browse, routes, origin, path):
    shop = await make_shop(routes)
    asking = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": "x-a"}
    async with browse(shop) as browser:
        answers = [await browser.raw("GET", path, headers={"origin": origin})]
        answers.append(await browser.raw("OPTIONS", path, headers=asking))
    assert not [name for page in answers for name in page.headers if name.startswith("access-control-")]


async def test_v3_4_7_the_policy_of_a_page_names_where_to_report(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        policy = (await browser.fetch("/me")).headers["content-security-policy"]
    assert "report-uri /-/csp-report" in policy


@pytest.mark.parametrize("name", ["callback", "jsonp", "cb", "_callback", "func"])
async def test_v3_5_6_data_is_never_a_script(make_shop, browse, routes, name):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", f"/data?{name}=alert")
    assert page.headers["content-type"] == "application/json"
    assert page.text == '{"balance":7}'


@pytest.mark.parametrize("path", ["/static/fastness-fetch.js", "/static/trusted-types.js"])
async def test_v3_5_7_a_script_is_the_same_for_everybody(make_shop, browse, routes, path):
    shop = await make_shop(routes, sign_in_routes())
    async with browse(shop) as stranger, browse(shop) as ada:
        await ada.fetch("/sign-in", "POST")
        one, two = await stranger.raw("GET", path), await ada.fetch(path)
    assert one.headers["content-type"].startswith("text/javascript")
    assert (one.status, one.text) == (two.status, two.text)
    assert "vary" not in two.headers or two.headers["vary"] == "accept-encoding"
    assert two.headers["cross-origin-resource-policy"] == "same-origin"


async def test_v3_7_1_the_policy_of_every_page_loads_no_plugin(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        for path in ("/me", "/account/sign-in", "/none"):
            page = await browser.raw("GET", path, headers={"accept": "text/html"})
            assert "object-src 'none'" in page.headers["content-security-policy"]
            assert not any(tag in page.text.lower() for tag in ("<object", "<embed", "<applet"))
