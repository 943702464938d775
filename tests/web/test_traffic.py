"""What the requests show of the proxies in front, and no setting does."""

from collections import Counter

import pytest

from fastness import JSONResponse, Routes, access
from fastness.kernel.events import EventName
from fastness.kernel.proxies import ProxyRules
from fastness.settings.profiles import Profile
from fastness.web.traffic import EVERY, MIN_BROWSERS, MOST, WINDOW

VISITOR = "93.184.215.14"
FORWARDED = {"x-forwarded-for": VISITOR, "x-forwarded-proto": "https"}
NEAR = ProxyRules(trusted=("10.0.0.0/8",))


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/")
    async def home(request):
        return JSONResponse("hello")

    return routes


async def seen(shop, browse, *, peer, headers=None, browsers=MIN_BROWSERS, others=0):
    """Two windows of requests, `others` of each window from elsewhere and without the headers."""
    async with browse(shop, client_ip=peer) as usual, browse(shop, client_ip="93.184.215.99") as other:
        for number in range(2 * WINDOW * EVERY):
            looked_at = number // EVERY % WINDOW
            if looked_at < others:
                await other.raw("GET", "/", headers={"user-agent": "other"})
            else:
                agent = {"user-agent": f"browser {looked_at % browsers}"}
                await usual.raw("GET", "/", headers={**(headers or {}), **agent})
    return Counter(event.reason for event in shop.events.events if event.name is EventName.SYS_MISCONFIGURED)


@pytest.mark.parametrize(
    ("rules", "options", "reasons"),
    [
        pytest.param(ProxyRules(), {"peer": "10.0.0.7", "headers": FORWARDED}, ["FST-RUNTIME-001"], id="undeclared"),
        pytest.param(
            ProxyRules(), {"peer": VISITOR, "headers": FORWARDED}, ["FST-RUNTIME-001"], id="undeclared-and-public"
        ),
        pytest.param(
            ProxyRules(),
            {"peer": VISITOR, "headers": FORWARDED, "others": WINDOW - MOST},
            ["FST-RUNTIME-001"],
            id="nearly-all-are-forwarded",
        ),
        pytest.param(
            ProxyRules(),
            {"peer": VISITOR, "headers": FORWARDED, "others": WINDOW - MOST + 1},
            [],
            id="some-visitors-write-the-header",
        ),
        pytest.param(ProxyRules(), {"peer": "10.0.0.7"}, ["FST-RUNTIME-002"], id="one-private-address"),
        pytest.param(NEAR, {"peer": "10.0.0.7"}, ["FST-RUNTIME-002"], id="a-declared-proxy-that-says-nothing"),
        pytest.param(ProxyRules(), {"peer": "10.0.0.7", "browsers": MIN_BROWSERS - 1}, [], id="few-browsers"),
        pytest.param(ProxyRules(), {"peer": VISITOR}, [], id="one-public-address"),
        pytest.param(NEAR, {"peer": "10.0.0.7", "headers": FORWARDED}, [], id="declared"),
        pytest.param(
            NEAR,
            {"peer": "10.0.0.7", "headers": {"forwarded": f"for={VISITOR}"}},
            ["FST-RUNTIME-003"],
            id="other-header",
        ),
        pytest.param(
            ProxyRules(trusted=("10.0.0.0/8",), headers="forwarded"),
            {"peer": "10.0.0.7", "headers": {"forwarded": f"for={VISITOR};proto=https"}},
            [],
            id="the-header-that-is-read",
        ),
    ],
)
async def test_what_is_said_once(make_shop, browse, routes, rules, options, reasons):
    shop = await make_shop(routes, settings={"proxy": rules, "is_https_required": False})
    assert await seen(shop, browse, **options) == Counter(reasons)


async def test_the_event_names_the_fix(make_shop, browse, routes):
    shop = await make_shop(routes, settings={"is_https_required": False})
    await seen(shop, browse, peer="10.0.0.7", headers=FORWARDED)
    (event,) = [event for event in shop.events.events if event.name is EventName.SYS_MISCONFIGURED]
    assert "FASTNESS_PROXY_TRUSTED" in event.detail["fix"]
    assert VISITOR not in event.to_json()


async def test_development_is_not_watched(make_shop, browse, routes):
    shop = await make_shop(routes, settings={"profile": Profile.DEVELOPMENT, "is_https_required": False})
    assert await seen(shop, browse, peer="127.0.0.1") == Counter()
