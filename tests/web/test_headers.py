"""Every response leaves with the headers, whoever made it."""

import pytest
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.responses import Response as StarletteResponse

from fastness import HTMLResponse, JSONResponse, Response, Routes, access, redirect
from fastness.kernel.csp import CSPRules
from fastness.kernel.headers import HeaderValueError

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "server": "",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
}


@pytest.fixture
def routes():  # noqa: C901 - one short handler for each row of the tables
    routes = Routes(access=access.public)

    @routes.get("/page")
    async def page(request):
        return HTMLResponse(f"<p>{request.nonce}")

    @routes.get("/json")
    async def json(request):
        return JSONResponse({"a": 1})

    @routes.get("/broken")
    async def broken(request):
        raise RuntimeError("secret detail")

    @routes.get("/stream")
    async def stream(request):
        async def chunks():
            yield b"a"
            yield b"b"

        return StreamingResponse(chunks(), media_type="text/html")

    @routes.get("/framed", framing="same-origin")
    async def framed(request):
        return HTMLResponse("framed")

    @routes.get("/partner", framing=("https://partner.example",))
    async def partner(request):
        return HTMLResponse("partner")

    @routes.get("/own-headers")
    async def own_headers(request):
        response = PlainTextResponse("x")
        response.raw_headers += [
            (b"X-Frame-Options", b"ALLOWALL"),
            (b"content-security-policy", b"default-src *"),
            (b"Server", b"Home/1"),
            (b"x-powered-by", b"PHP"),
            (b"X-Kept", b"yes"),
        ]
        return response

    @routes.get("/split")
    async def split(request):
        response = StarletteResponse("x")
        response.raw_headers.append((b"x-name", b"a\r\nset-cookie: b=c"))
        return response

    @routes.get("/split-name")
    async def split_name(request):
        response = StarletteResponse("x")
        response.raw_headers.append((b"x-name: a\r\nset-cookie", b"b=c"))
        return response

    @routes.get("/once")
    async def once(request):
        class Once(StarletteResponse):
            async def __call__(self, scope, receive, send):
                headers = (pair for pair in [(b"X-Kept", b"yes"), (b"Server", b"Home/1")])
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": b""})

        return Once()

    @routes.get("/cached")
    async def cached(request):
        return Response("x", headers={"cache-control": "public, max-age=60"})

    @routes.get("/cached-private")
    async def cached_private(request):
        request.user_or_none  # noqa: B018 - reading it is the point
        return Response("x", headers={"cache-control": "public, max-age=60"})

    @routes.get("/kept-private")
    async def kept_private(request):
        request.session.get("a")
        return Response("x", headers={"cache-control": " Private, max-age=60"})

    @routes.get("/cookie")
    async def cookie(request):
        response = Response("x", headers={"cache-control": "public, max-age=60"})
        response.set_cookie("theme", "dark")
        return response

    return routes


@pytest.mark.asvs("V3.4.1", "V3.4.4", "V3.4.5", "V3.4.8", "V3.5.8")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/page", 200, id="page"),
        pytest.param("/json", 200, id="json"),
        pytest.param("/stream", 200, id="stream"),
        pytest.param("/none", 404, id="no-such-page"),
        pytest.param("/broken", 500, id="error"),
        pytest.param("/a//b", 400, id="refused-path"),
        pytest.param("/static/fastness.css", 200, id="static"),
        pytest.param("/-/health", 200, id="health"),
        pytest.param("/account/sign-in", 200, id="sign-in"),
    ],
)
async def test_every_answer_carries_the_headers(make_shop, browse, routes, path, status):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", path, headers={"accept": "text/html"})
    assert page.status == status
    # The health path answers before the host is known, so it cannot promise TLS for it.
    expected = {name: value for name, value in ALWAYS.items() if path != "/-/health" or "transport" not in name}
    assert {name: page.headers.get(name) for name in expected} == expected
    assert page.headers.get_list("content-security-policy") != []


@pytest.mark.asvs("V3.4.3")
async def test_a_page_has_the_nonce_of_its_policy_and_each_page_another(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        one, two = await browser.fetch("/page"), await browser.fetch("/page")
    nonces = [page.text.removeprefix("<p>") for page in (one, two)]
    assert f"'nonce-{nonces[0]}'" in one.headers["content-security-policy"]
    assert nonces[0] != nonces[1]
    assert "unsafe" not in one.headers["content-security-policy"]


@pytest.mark.asvs("V3.2.1")
async def test_data_gets_a_policy_that_runs_nothing(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch("/json")
    assert page.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"


@pytest.mark.asvs("V3.4.6")
@pytest.mark.parametrize(
    ("path", "frame_options", "ancestors"),
    [
        pytest.param("/page", "DENY", "frame-ancestors 'none'", id="default"),
        pytest.param("/framed", "SAMEORIGIN", "frame-ancestors 'self'", id="same-origin"),
        pytest.param("/partner", None, "frame-ancestors 'self' https://partner.example", id="partner"),
        pytest.param("/none", "DENY", "frame-ancestors 'none'", id="error-page"),
    ],
)
async def test_framing_is_the_routes_own(make_shop, browse, routes, path, frame_options, ancestors):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", path, headers={"accept": "text/html"})
    assert page.headers.get("x-frame-options") == frame_options
    assert ancestors in page.headers["content-security-policy"]


@pytest.mark.asvs("V13.4.6")
async def test_an_app_cannot_weaken_a_header_that_is_ours_in_any_case_of_its_name(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch("/own-headers")
    assert page.headers.get_list("x-frame-options") == ["DENY"]
    assert page.headers.get_list("server") == [""]
    assert "default-src *" not in str(page.headers.get_list("content-security-policy"))
    assert "x-powered-by" not in page.headers
    assert page.headers["x-kept"] == "yes"


async def test_headers_that_can_be_read_only_once_are_kept(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch("/once")
    assert (page.headers["x-kept"], page.headers["server"]) == ("yes", "")


@pytest.mark.asvs("V1.2.1")
@pytest.mark.parametrize("path", [pytest.param("/split", id="value"), pytest.param("/split-name", id="name")])
async def test_a_line_break_in_a_header_ends_the_response(make_shop, browse, routes, path):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch(path)
    assert page.status == 500
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\0b", "ř"])
def test_a_response_refuses_such_a_value_where_it_is_made(value):
    with pytest.raises(HeaderValueError):
        Response("x", headers={"x-name": value})


@pytest.mark.parametrize("name", ["a\r\nb", "a b", "a:", "", "ř"])
def test_and_such_a_name(name):
    with pytest.raises(HeaderValueError):
        Response("x", headers={name: "value"})


@pytest.mark.asvs("V14.2.2", "V14.3.2")
@pytest.mark.parametrize(
    ("path", "cache_control"),
    [
        pytest.param("/cached", "public, max-age=60", id="public-stays"),
        pytest.param("/cached-private", "no-store", id="user-was-read"),
        pytest.param("/kept-private", " Private, max-age=60", id="own-private-stays"),
        pytest.param("/cookie", "no-store", id="sets-a-cookie"),
        pytest.param("/json", None, id="nothing-said"),
    ],
)
async def test_what_is_private_is_never_stored(make_shop, browse, routes, path, cache_control):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch(path)
    assert page.headers.get("cache-control") == cache_control


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/none", {}, 404, id="no-such-page"),
        pytest.param("/broken", {}, 500, id="error"),
        pytest.param("/page", {"x_forwarded_for": "1.2.3.4"}, 400, id="refused-by-the-first-gate"),
        pytest.param("/cached", {"accept": "a" * 33_000}, 431, id="headers-too-large"),
        pytest.param("/page/", {}, 308, id="other-slash"),
    ],
)
async def test_a_refusal_is_never_stored(make_shop, browse, routes, path, headers, status):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", path, headers=headers)
    assert (page.status, page.headers["cache-control"]) == (status, "no-store")


async def test_an_answer_to_credentials_is_never_stored(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch("/cached", headers={"authorization": "Bearer x"})
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.asvs("V3.7.2")
@pytest.mark.parametrize(
    ("target", "is_allowed"),
    [
        pytest.param("/inside", True, id="own-path"),
        pytest.param("https://shop.example/x", True, id="own-host"),
        pytest.param("//evil.example", False, id="scheme-relative"),
        pytest.param("https://evil.example", False, id="other-host"),
        pytest.param("https://shop.example@evil.example", False, id="userinfo"),
        pytest.param("/\\evil.example", False, id="backslash"),
        pytest.param("\\\\evil.example", False, id="backslashes"),
        pytest.param("/\tevil", False, id="control-character"),
        pytest.param("javascript:alert(1)", False, id="script"),
    ],
)
async def test_redirects_stay_here(make_shop, browse, target, is_allowed):
    routes = Routes(access=access.public)

    @routes.get("/go")
    async def go(request):
        return redirect(request, target)

    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/go")
    assert page.status == (303 if is_allowed else 400)
    assert page.headers.get("location") == (target if is_allowed else None)


async def test_trusted_html_puts_the_policys_script_on_the_page(make_shop, browse, routes, tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "p.html").write_text("{{ trusted_types_script() }}|{{ nonce }}")
    from fastness import render

    @routes.get("/p")
    async def p(request):
        return render(request, "p.html")

    shop = await make_shop(routes, templates=tmp_path / "t", settings={"csp": CSPRules(trusted_html="server")})
    async with browse(shop) as browser:
        script, _, nonce = (await browser.fetch("/p")).text.partition("|")
    assert script.startswith(f'<script nonce="{nonce}" src="/static/trusted-types.')
