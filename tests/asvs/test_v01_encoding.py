"""V1, encoding: what a visitor writes keeps its meaning, and nothing of it becomes an object or a command."""

import json
import pickle

import pytest

from fastness import HTMLResponse, JSONResponse, Routes, access, render
from fastness.sessions.record import decode_identity, try_decode
from fastness.web.inputs import Input
from tests.asvs.source import importers_of
from tests.layers.source import SOURCE

WRITTEN = "<b onclick='x'>&amp; \"a\" %3C {{7*7}} 1'; DROP TABLE x --"


class Note(Input):
    text: str


@pytest.fixture
def routes(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "note.html").write_text("<p>{{ text }}</p>")
    routes = Routes(access=access.public)

    @routes.post("/note")
    async def note(request):
        request.session.set("note", (await request.json_as(Note)).text)
        return JSONResponse("kept")

    @routes.get("/raw")
    async def raw(request):
        return JSONResponse(request.session.get("note"))

    @routes.get("/page")
    async def page(request):
        return render(request, "note.html", text=request.session.get("note"))

    @routes.get("/echo/{name}")
    async def echo(request):
        return JSONResponse([request.path_params["name"], request.query.get("q")])

    @routes.post("/form")
    async def form(request):
        return JSONResponse(await request.form_pairs())

    @routes.post("/markup")
    async def markup(request):
        return HTMLResponse(str(await request.json()))

    return routes


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/echo/%2541", ["%41", None], id="path"),
        pytest.param("/echo/%25252e", ["%252e", None], id="path-three-times"),
        pytest.param("/echo/a?q=%2541", ["a", "%41"], id="query"),
        pytest.param("/echo/a?q=%25%32%35", ["a", "%25"], id="query-in-pieces"),
        pytest.param("/echo/a?q=%26lt%3B", ["a", "&lt;"], id="entities-stay"),
        pytest.param("/echo/%41", ["A", None], id="once"),
    ],
)
async def test_v1_1_1_what_was_encoded_twice_is_decoded_once(make_shop, browse, routes, path, expected):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert (await browser.raw("GET", path)).json() == expected


async def test_v1_1_1_a_field_of_a_form_is_decoded_once(make_shop, browse, routes):
    shop = await make_shop(routes)
    headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    async with browse(shop) as browser:
        page = await browser.raw("POST", "/form", content=b"a=%2541&b=%2526c%253D1", headers=headers)
    assert page.json() == [["a", "%41"], ["b", "%26c%3D1"]]


async def test_v1_1_2_a_text_is_kept_as_written_and_escaped_where_it_is_shown(make_shop, browse, routes, tmp_path):
    shop = await make_shop(routes, templates=tmp_path / "t")
    async with browse(shop) as browser:
        await browser.fetch("/note", "POST", json={"text": WRITTEN})
        assert (await browser.fetch("/raw")).json() == WRITTEN
        shown = (await browser.fetch("/page")).text
    assert shown == ("<p>&lt;b onclick=&#39;x&#39;&gt;&amp;amp; &#34;a&#34; %3C {{7*7}} 1&#39;; DROP TABLE x --</p>")


def test_v1_3_9_nothing_speaks_to_memcache():
    """Keys of the stores are bound values of a database; a text protocol in which a line break ends a command is not there."""
    assert importers_of("memcache", "pymemcache", "pylibmc", "bmemcached", "aiomcache", "emcache", "redis") == set()
    written = [file for file in SOURCE.rglob("*.py") if b"11211" in file.read_bytes()]
    assert written == []


def test_v1_4_1_no_memory_is_handled_by_hand():
    # One system call is made with a structure of numbers; tests/layers/test_calls.py sees that nothing else is done there.
    assert importers_of("ctypes", "cffi", "mmap") == {"auth/slices.py"}
    assert [file.name for file in SOURCE.rglob("*") if file.suffix in {".c", ".pyx", ".so", ".pyd", ".rs"}] == []


XML = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


@pytest.mark.parametrize("content_type", ["application/xml", "text/xml", "application/soap+xml", "image/svg+xml"])
async def test_v1_5_1_a_document_with_entities_is_not_taken(make_shop, browse, routes, content_type):
    shop = await make_shop(routes)
    headers = {"content-type": content_type, "sec-fetch-site": "same-origin"}
    async with browse(shop) as browser:
        page = await browser.raw("POST", "/note", content=XML.encode(), headers=headers)
    assert page.status == 415


def test_v1_5_1_nothing_reads_xml():
    # One report is written as XML; tests/layers/test_calls.py sees that the file parses none.
    assert importers_of("xml", "lxml", "defusedxml", "xmltodict", "bs4") == {"reports/junit.py"}


def test_v1_5_2_nothing_reads_what_can_name_a_type():
    assert importers_of("pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml") == set()


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(pickle.dumps({"created": 1}), id="pickle"),
        pytest.param(b"\x80\x04.", id="pickle-of-nothing"),
        pytest.param(b'{"py/object": "os.system"}', id="object-of-a-name"),
        pytest.param(json.dumps([1]).encode(), id="other-shape"),
        pytest.param(
            b"1\n1.0\n1.0\n0\n" + pickle.dumps({"id": 1}, protocol=0).replace(b"\n", b" ") + b"\n{}", id="inside"
        ),
    ],
)
def test_v1_5_2_a_record_of_a_session_is_json_of_one_shape(stored):
    assert try_decode(stored, decode_identity) is None
