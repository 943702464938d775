"""One request, one transaction: decided before the first byte, read-only where the method is safe."""

import uuid

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column
from starlette.responses import StreamingResponse

from fastness import Because, JSONResponse, Model, NotFoundError, Routes, access


class Entry(Model):
    __tablename__ = "test_entries"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    text: Mapped[str] = mapped_column(unique=True)


async def counted(request):
    return JSONResponse(await request.db.scalar(select(func.count()).select_from(Entry)))


def writing(outcome):
    async def handler(request):
        request.db.add(Entry(text=request.path_params["text"]))
        return await outcome(request)

    handler.__name__ = outcome.__name__
    return handler


async def created(request):
    return JSONResponse("created", status=201)


async def refused(request):
    return JSONResponse("no", status=422)


async def raised(request):
    await request.db.flush()
    raise RuntimeError("after a write")


async def hidden(request):
    await request.db.flush()
    raise NotFoundError


async def noted(request):
    request.session.set("noted", 1)
    return JSONResponse("noted")


async def split(request):
    response = JSONResponse("split")
    response.raw_headers.append((b"x-name", b"a\r\nb"))
    return response


async def streamed(request):
    async def chunks():
        yield b"one"
        request.db.add(Entry(text="late"))
        await request.db.flush()
        yield b"two"

    return StreamingResponse(chunks())


@pytest.fixture
async def shop(make_shop):
    routes = Routes(access=access.public)
    routes.get("/count")(counted)
    for outcome in (created, refused, raised, hidden, noted, split, streamed):
        routes.post(f"/{outcome.__name__}/{{text}}")(writing(outcome))
    routes.get("/get/{text}")(writing(created))
    routes.get("/oidc/{text}", insecure_write_on_get=Because("the OIDC callback arrives as a GET"))(writing(created))
    shop = await make_shop(routes)
    async with shop.app.services.database.write.begin() as connection:
        await connection.run_sync(Entry.__table__.create)
    return shop


@pytest.mark.asvs("V3.5.3", "V2.3.3", "V16.5.3")
@pytest.mark.parametrize(
    ("method", "path", "status", "kept"),
    [
        pytest.param("POST", "/created/a", 201, 1, id="success-commits"),
        pytest.param("POST", "/refused/a", 422, 0, id="422-rolls-back"),
        pytest.param("POST", "/raised/a", 500, 0, id="exception-rolls-back"),
        pytest.param("POST", "/hidden/a", 404, 0, id="404-rolls-back"),
        pytest.param("POST", "/split/a", 500, 0, id="a-response-that-cannot-be-sent-rolls-back"),
        pytest.param("GET", "/get/a", 500, 0, id="get-may-not-write"),
        pytest.param("HEAD", "/get/a", 500, 0, id="head-may-not-write"),
        pytest.param("GET", "/oidc/a", 201, 1, id="unless-the-route-says-so"),
    ],
)
async def test_the_status_decides(shop, browse, method, path, status, kept):
    async with browse(shop) as browser:
        assert (await browser.fetch(path, method)).status == status
        assert (await browser.fetch("/count")).json() == kept


@pytest.mark.asvs("V16.5.3")
async def test_a_commit_that_fails_is_an_error_and_no_success(shop, browse):
    async with browse(shop) as browser:
        assert (await browser.fetch("/created/same", "POST")).status == 201
        assert (await browser.fetch("/created/same", "POST")).status == 500
        assert (await browser.fetch("/count")).json() == 1


async def test_a_commit_that_fails_leaves_no_session(shop, browse):
    async with browse(shop) as browser:
        assert (await browser.fetch("/created/same", "POST")).status == 201
        page = await browser.fetch("/noted/same", "POST")
        assert page.status == 500
        assert "set-cookie" not in page.headers
        assert "set-cookie" in (await browser.fetch("/noted/other", "POST")).headers


@pytest.mark.asvs("V2.3.3")
async def test_nothing_is_written_once_the_response_has_begun(shop, browse):
    async with browse(shop) as browser:
        await browser.fetch("/streamed/first", "POST")
        assert (await browser.fetch("/count")).json() == 1


async def test_events_survive_the_rollback(shop, browse):
    async with browse(shop) as browser:
        await browser.from_site("https://evil.example", "/created/a")
        assert (await browser.fetch("/count")).json() == 0
    assert shop.names() == ["malicious_cors"]


async def test_the_error_of_a_write_in_get_names_the_way_out(shop, browse, caplog):
    async with browse(shop) as browser:
        page = await browser.fetch("/get/a")
    assert "insecure_write_on_get=Because(" in caplog.text
    assert "insecure" not in page.text
