"""What the database undid is done again, once, where nothing of the first try is left."""

import uuid

import asyncpg
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column

from fastness import JSONResponse, Model, Routes, access
from fastness.db.unit import Unit
from fastness.web.route import RouteError
from fastness.web.routing import seal_route


class Tally(Model):
    __tablename__ = "test_tallies"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    total: Mapped[int]


class Rival:
    """Changes the row, or ends the connections, behind the back of as many tries as it is told."""

    def __init__(self, url):
        self.url = url
        self.times = 1
        self.tries = 0

    async def run(self, statement):
        self.tries += 1
        if self.tries > self.times:
            return
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def interfere(self):
        await self.run("UPDATE test_tallies SET total = total + 100")

    async def cut(self):
        await self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'fastness' AND datname = current_database() AND state LIKE 'idle in%'"
        )


@pytest.fixture
def rival(postgres_url):
    return Rival(postgres_url)


@pytest.fixture
async def shop(make_shop, postgres_url, rival):
    routes = Routes(access=access.public)

    async def add(request):
        await request.body()
        tally = await request.one(select(Tally))
        await rival.interfere()
        tally.total += 1
        return JSONResponse("added")

    async def add_at_once(request):
        tally = await request.one(select(Tally))
        await rival.interfere()
        tally.total += 1
        await request.db.flush()
        return JSONResponse("added")

    async def add_and_note(request):
        request.session.set("noted", 1)
        return await add(request)

    async def add_form(request):
        pairs = dict(await request.form_pairs())
        await add_at_once(request)
        return JSONResponse((await pairs["file"].read()).decode())

    async def stream(request):
        while (await request.receive()).get("more_body"):
            pass
        return await add_at_once(request)

    async def look(request):
        before = await request.db.scalar(select(func.sum(Tally.total)))
        await rival.cut()
        return JSONResponse([before, await request.db.scalar(select(func.sum(Tally.total)))])

    async def marked(request):
        request.exchange.add_response_header(b"x-try", b"%d" % rival.tries)
        return await add_at_once(request)

    routes.get("/look")(look)
    for handler in (add, add_at_once, add_and_note, add_form, stream, marked):
        routes.post(f"/plain/{handler.__name__}")(handler)
        routes.post(f"/idempotent/{handler.__name__}", idempotent=True)(handler)
    shop = await make_shop(routes, settings={"database_url": postgres_url})
    database = shop.app.services.database
    async with database.write.begin() as connection:
        await connection.run_sync(Model.metadata.create_all, tables=[Tally.__table__])
    async with Unit(database, is_read_only=False) as unit:
        unit.session.add(Tally(total=0))
    return shop


async def total(shop):
    async with Unit(shop.app.services.database, is_read_only=True) as unit:
        return await unit.session.scalar(select(Tally.total))


@pytest.mark.parametrize(
    ("path", "status", "tries", "expected"),
    [
        pytest.param("/plain/add", 503, 1, 100, id="undone-at-the-commit"),
        pytest.param("/idempotent/add", 200, 2, 101, id="undone-at-the-commit-and-idempotent"),
        pytest.param("/plain/add_at_once", 503, 1, 100, id="undone-in-the-handler"),
        pytest.param("/idempotent/add_at_once", 200, 2, 101, id="undone-in-the-handler-and-idempotent"),
        pytest.param("/idempotent/add_and_note", 503, 1, 100, id="the-session-was-changed"),
        pytest.param("/idempotent/stream", 503, 1, 100, id="the-body-cannot-be-read-again"),
    ],
)
async def test_a_conflict_is_repeated_where_that_is_safe(shop, browse, rival, path, status, tries, expected):
    page = await browse(shop).fetch(path, "POST", content=b"body", headers={"content-type": "application/octet-stream"})
    assert (page.status, rival.tries) == (status, tries)
    assert await total(shop) == expected


async def test_a_second_conflict_in_a_row_is_a_503(shop, browse, rival):
    rival.times = 2
    assert (await browse(shop).fetch("/idempotent/add", "POST")).status == 503
    assert (rival.tries, await total(shop)) == (2, 200)


async def test_an_upload_is_read_from_its_start_again(shop, browse, rival):
    head = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    page = await browse(shop).fetch(
        "/idempotent/add_form",
        "POST",
        content=head + b"content\r\n--b--\r\n",
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert (page.status, page.json(), rival.tries) == (200, "content", 2)


async def test_headers_of_the_first_try_are_forgotten(shop, browse):
    page = await browse(shop).fetch("/idempotent/marked", "POST")
    assert page.headers.get_list("x-try") == ["1"]


async def test_a_reading_request_whose_connection_broke_is_repeated(shop, browse, rival):
    page = await browse(shop).fetch("/look")
    assert (page.status, page.json(), rival.tries) == (200, [0, 0], 2)


async def test_a_connection_that_breaks_again_is_a_503_without_a_word_about_it(shop, browse, rival):
    rival.times = 2
    page = await browse(shop).fetch("/look")
    assert page.status == 503
    assert "PostgreSQL" not in page.text


def test_only_handlers_of_requests_can_be_repeated():
    async def socket(socket):
        await socket.accept()

    routes = Routes(access=access.public)
    routes.websocket("/socket", idempotent=True)(socket)
    with pytest.raises(RouteError):
        [seal_route(declared) for declared in routes.declared()]
