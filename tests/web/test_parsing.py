"""Large documents are parsed beside the event loop, and no larger ones than the settings say."""

import threading

import pytest

from fastness import JSONResponse, Routes, access
from fastness.web.bodies import MalformedFormError, decode_component
from fastness.web.parsing import INLINE_BYTES, ParsingLane
from fastness.web.static import accepts_gzip

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("byte_count", "is_beside"),
    [pytest.param(INLINE_BYTES, False, id="short"), pytest.param(INLINE_BYTES + 1, True, id="long")],
)
async def test_long_work_goes_to_the_one_thread(byte_count, is_beside):
    lane = ParsingLane()
    names = {await lane.run(byte_count, threading.get_ident) for _ in range(3)}
    assert len(names) == 1
    assert (threading.get_ident() not in names) is is_beside


async def test_an_error_comes_back_from_the_thread():
    with pytest.raises(ZeroDivisionError):
        await ParsingLane().run(INLINE_BYTES + 1, lambda: 1 // 0)


@pytest.fixture
async def shop(make_shop):
    routes = Routes(access=access.public)

    @routes.post("/json")
    async def json_body(request):
        return JSONResponse(len(await request.json()))

    @routes.post("/form")
    async def form_body(request):
        return JSONResponse(len((await request.form_pairs())[0][1]))

    @routes.post("/large", max_body_bytes=700_000)
    async def large(request):
        return JSONResponse(len(await request.json()))

    @routes.post("/raw-then-json")
    async def raw_then_json(request):
        await request.body()
        return JSONResponse(len(await request.json()))

    return await make_shop(routes)


def document(size: int) -> bytes:
    return b'"' + b"a" * (size - 2) + b'"'


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        pytest.param("/json", JSON, document(500_000), 200, id="json-at-the-limit"),
        pytest.param("/json", JSON, document(500_001), 413, id="json-above"),
        pytest.param("/raw-then-json", JSON, document(500_000), 200, id="read-before-at-the-limit"),
        pytest.param("/raw-then-json", JSON, document(500_001), 413, id="read-before-above"),
        pytest.param("/large", JSON, document(700_000), 200, id="route-states-more"),
        pytest.param("/large", JSON, document(700_001), 413, id="above-what-the-route-states"),
        pytest.param("/form", FORM, b"a=" + b"b" * 499_998, 200, id="form-at-the-limit"),
        pytest.param("/form", FORM, b"a=" + b"b" * 499_999, 413, id="form-above"),
    ],
)
async def test_what_becomes_objects_at_once_has_a_limit_of_its_own(shop, browse, path, headers, body, status):
    async with browse(shop) as browser:
        page = await browser.raw("POST", path, content=body, headers={**headers, "sec-fetch-site": "same-origin"})
    assert page.status == status


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param(b"a+b", "a b", id="plus"),
        pytest.param(b"%41%2B%2b", "A++", id="escapes-in-either-case"),
        pytest.param(b"%C3%A9", "é", id="utf-8"),
        pytest.param("é%20é".encode(), "é é", id="raw-utf-8-beside-an-escape"),
        pytest.param(rb"\x41%20\n\\", "\\x41 \\n\\\\", id="backslashes-mean-nothing"),
        pytest.param(b"%5Cx41", "\\x41", id="an-escaped-backslash-neither"),
        pytest.param(rb"\%41", "\\A", id="backslash-before-an-escape"),
        pytest.param(b"%2541", "%41", id="decoded-once"),
        pytest.param(b"%00", "\0", id="nul"),
    ],
)
def test_a_component_is_decoded(raw, text):
    assert decode_component(raw) == text


@pytest.mark.parametrize(
    "raw", [b"%", b"%4", b"%4g", b"100%25%", b"%u0041", b"%{41}", b"% 41", b"%+1", b"%ff", b"%C3", b"%\n41", b"\xff"]
)
def test_a_broken_component_is_refused(raw):
    with pytest.raises(UnicodeDecodeError):
        decode_component(raw)


async def test_a_broken_escape_answers_400_with_its_event(shop, browse):
    async with browse(shop) as browser:
        page = await browser.raw("POST", "/form", content=b"a=100%", headers={**FORM, "sec-fetch-site": "same-origin"})
    assert page.status == 400
    assert page.json()["code"] == MalformedFormError.code
    assert [(event.name, event.reason) for event in shop.events.events] == [("input_validation_fail", "malformed_form")]


@pytest.mark.parametrize(
    ("header", "is_accepted"),
    [
        pytest.param("gzip", True, id="named"),
        pytest.param("", False, id="nothing"),
        pytest.param("br, GZIP;q=0.5", True, id="with-a-weight"),
        pytest.param("br, gzip;q=0", False, id="refused"),
        pytest.param("gzip ; q=0.000", False, id="refused-at-length"),
        pytest.param("gzip;q=0.001", True, id="hardly-wanted"),
        pytest.param("x-gzip", True, id="old-name"),
        pytest.param("notgzip", False, id="part-of-a-word"),
        pytest.param("identity", False, id="another"),
    ],
)
def test_gzip_is_sent_to_whom_takes_it(header, is_accepted):
    assert accepts_gzip(header) is is_accepted
