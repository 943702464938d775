"""The server's lifespan events: an app that cannot start says so, and the store does not grow for ever."""

import asyncio

import pytest

from fastness import JSONResponse, Routes, access
from fastness.kernel.errors import UnavailableError
from fastness.services.upkeep import keep_tidy, purge
from fastness.stores.memory import MemoryStore
from fastness.stores.store import StoreUnavailableError
from tests.web.shop import Shop


async def answer(request):
    return JSONResponse("answer")


async def lifespan(app) -> list[dict]:
    """Start and stop the app as a server does; what it said."""
    sent = []
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive():
        return events.pop(0)

    async def send(message):
        sent.append(message)

    await app({"type": "lifespan"}, receive, send)
    return sent


async def test_start_and_stop(tmp_path, clock):
    shop = Shop(tmp_path, [], clock=clock)
    assert [message["type"] for message in await lifespan(shop.app)] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert shop.names() == ["sys_startup", "sys_shutdown"]


@pytest.mark.parametrize(
    ("options", "path", "rule", "part_of_message"),
    [
        pytest.param({}, "/a", None, "does not say who may use it", id="route-without-rule"),
        pytest.param({}, "/{a:nope}", access.public, "nope", id="path-that-cannot-be-compiled"),
        pytest.param(
            {"store_url": "sqlite:////proc/none/s.sqlite3"}, "/a", access.public, "store", id="store-without-a-place"
        ),
    ],
)
async def test_an_app_that_cannot_start_says_so_to_the_server(tmp_path, clock, options, path, rule, part_of_message):
    # An exception here would be read as "this app has no lifespan", and the server would serve it.
    routes = Routes(access=rule)
    routes.get(path)(answer)
    shop = Shop(tmp_path, [routes], clock=clock, settings=options)
    (message,) = await lifespan(shop.app)
    assert message["type"] == "lifespan.startup.failed"
    assert part_of_message in message["message"]
    assert shop.names() == []


async def test_everything_expired_is_removed_however_much_it_is(make_shop, clock):
    shop = await make_shop(Routes())
    store = shop.app.services.store
    now = clock.epoch()
    for number in range(2_100):
        await store.put(b"old:%d" % number, b"1", expires_at=now + 1)
    await store.put(b"new", b"1", expires_at=now + 1_000)
    clock.advance(2)
    await purge(store)
    assert await store.purge_expired() == 0
    assert await store.get(b"new") is not None


class Stuck:
    """Cannot be closed."""

    async def close(self):
        raise RuntimeError


async def test_what_cannot_be_closed_leaves_nothing_else_open(make_shop, caplog):
    shop = await make_shop(Routes())
    services = shop.app.services
    vars(services)["outbound"] = Stuck()
    await shop.app.close()
    assert "Stuck could not be closed" in caplog.text
    with pytest.raises(StoreUnavailableError):
        await services.store.get(b"key")


class FailingStore(MemoryStore):
    """Fails twice, and notes that it was asked again."""

    def __init__(self, clock, error):
        super().__init__(clock)
        self.errors = [error, error]
        self.was_tidied = asyncio.Event()

    async def purge_expired(self, limit=1000):
        if self.errors:
            raise self.errors.pop()
        self.was_tidied.set()
        return await super().purge_expired(limit)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(UnavailableError("away"), id="the-store-is-away"),
        pytest.param(KeyError("a mistake"), id="nobody-knew-of-it"),
    ],
)
async def test_an_error_does_not_end_the_removal(clock, caplog, error):
    store = FailingStore(clock, error)
    tidying = asyncio.create_task(keep_tidy(store, None, seconds=0.01))
    await store.was_tidied.wait()
    assert not tidying.done()
    tidying.cancel()
    assert "expired entries of the store" in caplog.text
