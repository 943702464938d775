from datetime import UTC, datetime

import pytest

from fastness.kernel.clock import ManualClock
from fastness.testing.authenticator import Authenticator
from fastness.testing.browser import Browser
from tests.ready_made import migrate
from tests.web.shop import Shop


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 22, 12, 0, tzinfo=UTC))


@pytest.fixture
async def make_shop(tmp_path, clock):
    """Opens a shop from route groups; closes it after the test."""
    opened: list[Shop] = []

    async def make(*routes, **options) -> Shop:
        shop = Shop(tmp_path, routes, clock=clock, **options)
        await shop.app.open()
        shop.events.events.clear()
        opened.append(shop)
        return shop

    yield make
    for shop in opened:
        await shop.app.close()


@pytest.fixture
def migrated(tmp_path) -> None:
    migrate(f"sqlite:///{tmp_path}/data.sqlite3")


@pytest.fixture
def browse(clock):
    """A browser on the shop; all of a test share one telephone."""
    authenticator = Authenticator(clock)

    def open_browser(shop: Shop, origin: str = "https://shop.example", **options) -> Browser:
        return Browser(shop.app, origin=origin, **{"authenticator": authenticator, **options})

    return open_browser


@pytest.fixture
def api():
    """A FastAPI app without pages of its own."""
    # Here and not above: most tests of this folder do without the library.
    from fastapi import FastAPI

    return FastAPI(openapi_url=None)


@pytest.fixture
def mounted(make_shop, browse):
    """Mounts an app at /api, beside a way to sign in, and opens a browser on it."""
    from fastness import access
    from tests.web.mounts import sign_in_routes

    async def mount(app, rule=access.public, **options):
        routes = sign_in_routes()
        routes.mount("/api", app, access=rule, **options)
        shop = await make_shop(routes)
        return shop, browse(shop)

    return mount
