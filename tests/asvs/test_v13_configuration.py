"""V13, configuration: a fresh production app answers what was declared, and nothing else."""

import pytest

from fastness import Routes, access


@pytest.mark.parametrize(
    "path",
    [
        "/docs", "/redoc", "/openapi.json", "/swagger", "/swagger.json", "/graphql", "/metrics", "/status", "/server-status",
        "/debug", "/-/debug", "/-/routes", "/-/settings", "/-/metrics", "/-/health/detail", "/admin", "/.well-known/openapi",
        "/actuator", "/_profiler", "/__debug__/", "/static/", "/test", "/examples", "/demo",
    ],
)  # fmt: skip
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_v13_4_5_v15_2_3_nothing_is_served_that_nobody_declared(make_shop, browse, path, accept):
    shop = await make_shop(Routes())
    async with browse(shop) as browser:
        assert (await browser.raw("GET", path, headers={"accept": accept})).status == 404


async def test_v13_4_5_the_documentation_of_a_mounted_api_has_the_rule_of_its_mount(mounted, api):
    from fastapi import FastAPI

    @api.get("/open")
    async def opened():
        return "open"

    _, browser = await mounted(FastAPI(), access.signed_in)
    async with browser:
        for path in ("/api/docs", "/api/redoc", "/api/openapi.json"):
            assert (await browser.raw("GET", path, headers={"accept": "application/json"})).status == 401
        await browser.fetch("/sign-in", "POST")
        assert (await browser.fetch("/api/openapi.json")).status == 200


async def test_v13_4_6_no_answer_names_a_version(make_shop, browse):
    routes = Routes(access=access.public)

    @routes.get("/broken")
    async def broken(request):
        raise RuntimeError

    shop = await make_shop(routes)
    async with browse(shop) as browser:
        for path in ("/broken", "/none", "/account/sign-in", "/-/health", "/static/fastness.css"):
            page = await browser.raw("GET", path, headers={"accept": "text/html"})
            told = " ".join(f"{name}: {value}" for name, value in page.headers.items()) + page.text
            for word in ("python/", "uvicorn", "granian", "starlette", "x-powered-by", "x-runtime", "x-version"):
                assert word not in told.lower()
            assert page.headers["server"] == ""


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT"])
async def test_v13_4_4_not_even_a_foreign_app_sees_trace(mounted, method):
    async def echo(scope, receive, send):
        headers = [pair for pair in scope["headers"] if pair[0] == b"cookie"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"message/http")]})
        await send({"type": "http.response.body", "body": repr(headers).encode()})

    _, browser = await mounted(echo)
    async with browser:
        assert (await browser.raw("GET", "/api/x")).status == 200
        page = await browser.raw(method, "/api/x", headers={"cookie": "a=secret"})
    assert page.status == 405
    assert "secret" not in page.text
