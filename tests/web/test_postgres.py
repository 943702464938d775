"""A whole app whose data and sessions are in one PostgreSQL database."""

import asyncio
import uuid

import asyncpg
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column

from fastness import JSONResponse, Model, Routes, access
from fastness.testing.browser import Browser

REQUESTS = 50
OPEN = """SELECT count(*) FROM pg_stat_activity
    WHERE xact_start IS NOT NULL AND datname = current_database() AND pid <> pg_backend_pid()"""


class Parcel(Model):
    __tablename__ = "test_parcels"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[int] = mapped_column(unique=True)


@pytest.fixture
def arrived():
    """Set when a handler has written and waits."""
    return asyncio.Event()


@pytest.fixture
async def shop(make_shop, postgres_url, arrived):
    routes = Routes(access=access.public)

    async def send(request):
        number = int(request.path_params["number"])
        request.session.set("last", number)
        seen = await request.db.scalar(select(func.count()).select_from(Parcel))
        request.db.add(Parcel(number=number))
        await request.db.flush()
        return JSONResponse(seen >= 0)

    async def wait(request):
        request.db.add(Parcel(number=1000))
        await request.db.flush()
        arrived.set()
        await asyncio.Event().wait()

    async def last(request):
        return JSONResponse([request.session.get("last"), await request.db.scalar(select(func.count(Parcel.id)))])

    routes.post("/send/{number}")(send)
    routes.post("/wait")(wait)
    routes.get("/last")(last)
    shop = await make_shop(routes, settings={"database_url": postgres_url, "store_url": postgres_url})
    async with shop.app.services.database.write.begin() as connection:
        await connection.run_sync(Parcel.__table__.create)
    return shop


async def test_parallel_posts_are_all_answered(shop):
    browsers = [Browser(shop.app, origin="https://shop.example") for _ in range(REQUESTS)]
    pages = await asyncio.gather(*(browser.fetch(f"/send/{number}", "POST") for number, browser in enumerate(browsers)))
    assert [page.status for page in pages] == [200] * REQUESTS
    pages = await asyncio.gather(*(browser.fetch("/last") for browser in browsers))
    assert [page.json() for page in pages] == [[number, REQUESTS] for number in range(REQUESTS)]
    pools = [shop.app.services.database.write.pool, shop.app.services.database.read.pool]
    assert [pool.checkedout() for pool in pools] == [0, 0]


async def test_parallel_posts_that_collide_keep_one(shop):
    browsers = [Browser(shop.app, origin="https://shop.example") for _ in range(10)]
    pages = await asyncio.gather(*(browser.fetch("/send/7", "POST") for browser in browsers))
    assert sorted(page.status for page in pages) == [200] + [500] * 9
    assert (await browsers[0].fetch("/last")).json()[1] == 1


async def test_a_client_that_hangs_up_in_a_transaction_leaves_none_open(shop, browse, arrived, postgres_url):
    watcher = await asyncpg.connect(postgres_url)
    request = asyncio.create_task(browse(shop).fetch("/wait", "POST"))
    await arrived.wait()
    assert await watcher.fetchval(OPEN) >= 1
    request.cancel()
    await asyncio.wait([request])
    # The server needs a moment to hear of it; the test's own timeout ends a wait in vain.
    while await watcher.fetchval(OPEN):
        await watcher.execute("SELECT pg_sleep(0.01)")
    await watcher.close()
    assert shop.app.services.database.write.pool.checkedout() == 0
    assert (await browse(shop).fetch("/last")).json() == [None, 0]


async def test_a_reading_request_does_not_notice_that_all_connections_broke(shop, browse, postgres_url):
    browser = browse(shop)
    assert (await browser.fetch("/send/1", "POST")).status == 200
    watcher = await asyncpg.connect(postgres_url)
    await watcher.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE application_name = 'fastness' AND datname = current_database()"
    )
    await watcher.close()
    assert (await browser.fetch("/last")).json() == [1, 1]
