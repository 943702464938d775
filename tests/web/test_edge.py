"""Host, TLS and proxies: the addresses a request may have, and who may speak for another."""

import pytest

from fastness import JSONResponse, Routes, access
from fastness.kernel.hosts import HostRules
from fastness.kernel.proxies import ProxyRules


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/")
    async def home(request):
        return JSONResponse([request.client_ip, request.exchange.scheme, request.host])

    @routes.post("/")
    async def post(request):
        return JSONResponse("posted")

    return routes


@pytest.mark.parametrize(
    ("host", "status", "reason"),
    [
        pytest.param("shop.example", 200, None, id="exact"),
        pytest.param("SHOP.example:443", 200, None, id="case-and-port"),
        pytest.param("evil.example", 400, "host_not_allowed", id="other"),
        pytest.param("shop.example.evil.example", 400, "host_not_allowed", id="as-a-prefix"),
        pytest.param("a.shop.example", 400, "host_not_allowed", id="subdomain"),
        pytest.param("shop.example@evil.example", 400, "host_malformed", id="userinfo"),
        pytest.param("shop.example/path", 400, "host_malformed", id="path"),
        pytest.param("", 400, "host_missing", id="missing"),
    ],
)
async def test_hosts(make_shop, browse, routes, host, status, reason):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/", headers={"host": host})
    assert page.status == status
    assert shop.reasons() == ([reason] if reason else [])
    assert not host or status == 200 or host not in page.text


async def test_many_ports_do_not_fill_the_memory(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        for port in range(1, 200):
            assert (await browser.raw("GET", "/", headers={"host": f"shop.example:{port}"})).status == 200


async def test_suffix_hosts(make_shop, browse, routes):
    shop = await make_shop(routes, settings={"hosts": HostRules(allowed=(".shop.example",))})
    async with browse(shop) as browser:
        assert (await browser.raw("GET", "/", headers={"host": "a.shop.example"})).status == 200
        assert (await browser.raw("GET", "/", headers={"host": "evilshop.example"})).status == 400


PAGE = {"accept": "text/html", "sec-fetch-mode": "navigate"}


@pytest.mark.asvs("V4.1.2", "V12.2.1")
@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "location"),
    [
        pytest.param("GET", "/?a=1", PAGE, 308, "https://shop.example/?a=1", id="page"),
        pytest.param("GET", "//evil.example", PAGE, 308, "https://shop.example//evil.example", id="path-like-a-host"),
        pytest.param("GET", "/", {"accept": "*/*"}, 426, None, id="program"),
        pytest.param("POST", "/", PAGE, 426, None, id="form"),
        pytest.param("GET", "/", {**PAGE, "x-forwarded-proto": "https"}, 503, None, id="undeclared-proxy"),
        pytest.param("GET", "/", {**PAGE, "forwarded": "proto=https"}, 503, None, id="undeclared-forwarded"),
    ],
)
async def test_plain_http(make_shop, browse, routes, method, path, headers, status, location):
    shop = await make_shop(routes)
    async with browse(shop, origin="http://shop.example") as browser:
        page = await browser.raw(method, path, headers={**headers, "host": "shop.example:8000"})
    assert (page.status, page.headers.get("location")) == (status, location)
    assert "strict-transport-security" not in page.headers
    assert shop.names() == {308: [], 426: ["input_validation_fail"], 503: ["proxy_undeclared"]}[status]
    if status == 503:
        assert "FASTNESS_PROXY_TRUSTED" in page.text


@pytest.mark.parametrize(
    ("host", "has_hsts"),
    [
        pytest.param("shop.example", True, id="name"),
        pytest.param("localhost", False, id="localhost"),
        pytest.param("app.localhost", False, id="below-localhost"),
        pytest.param("127.0.0.1:8443", False, id="address"),
        pytest.param("[::1]", False, id="ipv6-address"),
    ],
)
async def test_hsts_is_for_names_only(make_shop, browse, routes, host, has_hsts):
    allowed = ("shop.example", "localhost", "app.localhost", "127.0.0.1", "[::1]")
    shop = await make_shop(routes, settings={"hosts": HostRules(allowed=allowed)})
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/", headers={"host": host})
    assert page.status == 200
    assert ("strict-transport-security" in page.headers) is has_hsts


@pytest.mark.asvs("V4.1.3", "V15.3.4")
@pytest.mark.parametrize(
    ("rules", "peer", "forwarded_for", "client"),
    [
        pytest.param(ProxyRules(), "10.0.0.9", "6.6.6.6", "10.0.0.9", id="none-declared"),
        pytest.param(ProxyRules(trusted=("10.0.0.0/8",)), "10.0.0.9", "6.6.6.6", "6.6.6.6", id="declared"),
        pytest.param(ProxyRules(trusted=("10.0.0.0/8",)), "10.0.0.9", "6.6.6.6, 7.7.7.7", "7.7.7.7", id="spoofed-left"),
        pytest.param(ProxyRules(trusted=("10.0.0.0/8",)), "9.9.9.9", "6.6.6.6", "9.9.9.9", id="peer-is-no-proxy"),
        pytest.param(ProxyRules(hop_count=1), "10.0.0.9", "6.6.6.6, 7.7.7.7", "7.7.7.7", id="one-hop"),
    ],
)
async def test_the_client_is_whom_declared_proxies_name(make_shop, browse, routes, rules, peer, forwarded_for, client):
    shop = await make_shop(routes, settings={"proxy": rules})
    async with browse(shop, client_ip=peer) as browser:
        page = await browser.raw("GET", "/", headers={"x-forwarded-for": forwarded_for})
    assert page.json()[0] == client


async def test_a_declared_proxys_scheme_counts_and_nobody_elses(make_shop, browse, routes):
    shop = await make_shop(routes, settings={"proxy": ProxyRules(trusted=("10.0.0.0/8",))})
    async with browse(shop, origin="http://shop.example", client_ip="10.0.0.9") as inside:
        page = await inside.raw("GET", "/", headers={"x-forwarded-proto": "https", "x-forwarded-for": "6.6.6.6"})
        assert page.json() == ["6.6.6.6", "https", "shop.example"]
        assert "strict-transport-security" in page.headers
    async with browse(shop, origin="http://shop.example", client_ip="9.9.9.9") as outside:
        assert (await outside.raw("GET", "/", headers={"x-forwarded-proto": "https"})).status == 503


async def test_health_answers_under_any_host_and_tells_nothing(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop, origin="http://shop.example") as browser:
        page = await browser.raw("GET", "/-/health", headers={"host": "10.1.2.3"})
        assert (page.status, page.text) == (200, "ok\n")
        assert (await browser.raw("POST", "/-/health", headers={"host": "10.1.2.3"})).status == 400
        assert (await browser.raw("GET", "/-/health/", headers={"host": "10.1.2.3"})).status == 400
