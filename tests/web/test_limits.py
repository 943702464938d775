"""The first gate: what no browser sends, and bodies that never end."""

import pytest

from fastness import JSONResponse, Routes, access
from fastness.kernel.limits import LimitRules
from tests.web.wire import ask, messages_of


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/")
    async def home(request):
        return JSONResponse(dict(request.headers))

    @routes.post("/")
    async def take(request):
        return JSONResponse(len(await request.body()))

    @routes.post("/small", max_body_bytes=10)
    async def small(request):
        return JSONResponse(len(await request.body()))

    @routes.post("/large", max_body_bytes=5_000_000)
    async def large(request):
        return JSONResponse(len(await request.body()))

    @routes.post("/form")
    async def form(request):
        return JSONResponse([[name, value] for name, value in await request.form_pairs() if isinstance(value, str)])

    @routes.post("/json")
    async def json(request):
        return JSONResponse(await request.json())

    return routes


@pytest.mark.asvs("V4.2.4")
@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        pytest.param([(b"x-a", b"1")], 200, None, id="ordinary"),
        pytest.param([(b"x-a", b"a\tb")], 200, None, id="tab-is-white-space"),
        pytest.param([(b"x-a", b"a\x00b")], 400, "control_character_in_header", id="nul"),
        pytest.param([(b"x-a", b"a\nb")], 400, "control_character_in_header", id="line-feed"),
        pytest.param([(b"x-a", b"a\x7fb")], 400, "control_character_in_header", id="delete"),
        pytest.param([(b"x-a", b"\xe9")], 200, None, id="latin-1"),
        pytest.param([(b"host", b"shop.example")], 400, "repeated_header", id="two-equal-hosts"),
        pytest.param([(b"host", b"evil.example")], 400, "repeated_header", id="two-hosts"),
        pytest.param([(b"Host", b"evil.example")], 400, "repeated_header", id="two-hosts-in-two-cases"),
        pytest.param([(b"origin", b"a"), (b"origin", b"b")], 400, "repeated_header", id="two-origins"),
        pytest.param([(b"x-a", b"1"), (b"x-a", b"2")], 200, None, id="lists-may-repeat"),
        pytest.param([(b"x_forwarded_for", b"1.2.3.4")], 400, "underscore_twin", id="underscore-forwarded-for"),
        pytest.param([(b"X_Forwarded_Proto", b"https")], 400, "underscore_twin", id="underscore-proto"),
        pytest.param([(b"content_length", b"5")], 400, "underscore_twin", id="underscore-length"),
        pytest.param([(b"sec_fetch_site", b"same-origin")], 400, "underscore_twin", id="underscore-fetch-site"),
        pytest.param([(b"x_thing", b"1"), (b"x-thing", b"2")], 400, "underscore_twin", id="underscore-beside-its-twin"),
        pytest.param([(b"x_thing", b"1")], 200, None, id="other-underscore-is-dropped"),
        pytest.param(
            [(b"content-length", b"0"), (b"transfer-encoding", b"chunked")],
            400,
            "length_and_transfer_encoding",
            id="length-and-chunked",
        ),
        pytest.param([(b"x-%d" % n, b"1") for n in range(98)], 200, None, id="many-headers"),
        pytest.param([(b"x-%d" % n, b"1") for n in range(101)], 431, "too_many_headers", id="too-many-headers"),
        pytest.param([(b"x-a", b"1")] * 50_000, 431, "too_many_headers", id="fifty-thousand-duplicates"),
        pytest.param([(b"accept", b"a" * 32_000)], 200, None, id="large"),
        pytest.param([(b"accept", b"a" * 33_000)], 431, "header_bytes", id="too-large"),
        pytest.param([(b"x" * 33_000, b"a")], 431, "header_bytes", id="too-large-name"),
    ],
)
async def test_headers(make_shop, routes, headers, status, reason):
    shop = await make_shop(routes)
    got, body = await ask(shop.app, headers=headers)
    assert got == status
    assert shop.reasons() == ([reason] if reason else [])
    assert b"x_thing" not in body


@pytest.mark.asvs("V4.1.4", "V13.4.4")
@pytest.mark.parametrize(
    ("method", "status"),
    [
        pytest.param("GET", 200, id="GET"),
        pytest.param("HEAD", 200, id="HEAD"),
        pytest.param("TRACE", 405, id="TRACE"),
        pytest.param("TRACK", 405, id="TRACK"),
        pytest.param("CONNECT", 405, id="CONNECT"),
        pytest.param("DEBUG", 405, id="DEBUG"),
        pytest.param("get", 405, id="methods-have-case"),
        pytest.param("GET\n", 405, id="line-feed"),
    ],
)
async def test_methods(make_shop, routes, method, status):
    shop = await make_shop(routes)
    assert (await ask(shop.app, method=method))[0] == status
    assert shop.names() == ([] if status == 200 else ["input_validation_fail"])
    assert all(event.client_ip == "198.51.100.7" for event in shop.events.events)


def chunks(*sizes, last=True):
    bodies = [{"type": "http.request", "body": b"x" * size, "more_body": True} for size in sizes]
    return [*bodies, {"type": "http.request", "body": b"", "more_body": not last}]


@pytest.mark.asvs("V5.2.1")
@pytest.mark.parametrize(
    ("path", "headers", "sizes", "status"),
    [
        pytest.param("/", [(b"content-length", b"2000000")], [2_000_000], 200, id="at-the-limit"),
        pytest.param("/", [(b"content-length", b"2000001")], [1], 413, id="announced-over"),
        pytest.param("/", [(b"content-length", b"10")], [2_000_001], 413, id="understated"),
        pytest.param("/", [(b"transfer-encoding", b"chunked")], [1_000_000] * 50, 413, id="chunked-without-length"),
        pytest.param("/small", [(b"transfer-encoding", b"chunked")], [10], 200, id="route-lowers-at-the-limit"),
        pytest.param("/small", [(b"transfer-encoding", b"chunked")], [11], 413, id="route-lowers"),
        pytest.param("/large", [(b"transfer-encoding", b"chunked")], [4_000_000], 200, id="route-raises"),
        pytest.param("/", [(b"content-length", b"+5")], [5], 400, id="signed-length"),
        pytest.param("/", [(b"content-length", b"5_0")], [5], 400, id="underscored-length"),
        pytest.param("/", [(b"content-length", b"9" * 4000)], [5], 400, id="huge-length"),
    ],
)
async def test_bodies_are_counted_as_they_arrive(make_shop, routes, path, headers, sizes, status):
    shop = await make_shop(routes)
    got, _ = await ask(shop.app, method="POST", path=path, headers=headers, messages=chunks(*sizes))
    assert got == status


async def test_http2_bodies_are_counted_without_any_header(make_shop, routes):
    shop = await make_shop(routes)
    got, _ = await ask(shop.app, method="POST", http_version="2", messages=chunks(1_500_000, 1_500_000))
    assert got == 413


async def test_a_body_that_never_ends_is_cut_off(make_shop, routes):
    shop = await make_shop(routes, settings={"limits": LimitRules(body_timeout_seconds=0.05)})
    messages = chunks(5, last=False)
    got, _ = await ask(shop.app, method="POST", headers=[(b"transfer-encoding", b"chunked")], messages=messages)
    assert got == 408
    assert shop.reasons() == ["body_timeout"]


FORM = (b"content-type", b"application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"a=1&b=2", 200, id="ordinary"),
        pytest.param(b"&".join(b"a%d=1" % n for n in range(1000)), 200, id="at-the-limit"),
        pytest.param(b"&".join(b"a%d=1" % n for n in range(1001)), 400, id="one-field-too-many"),
        pytest.param(b"a=" + b"&" * 499_000, 400, id="nearly-half-a-million-separators"),
        pytest.param(b"a=%ff", 400, id="no-utf-8"),
        pytest.param(b"a=\xff", 400, id="raw-bytes"),
        pytest.param(b"a=%C5%99", 200, id="utf-8"),
    ],
)
async def test_urlencoded_forms(make_shop, routes, body, status):
    shop = await make_shop(routes)
    message = {"type": "http.request", "body": body, "more_body": False}
    length = (b"content-length", b"%d" % len(body))
    got, _ = await ask(shop.app, method="POST", path="/form", headers=[FORM, length], messages=[message])
    assert got == status


def multipart(parts: int, *, preamble: bytes = b"", extra: bytes = b"") -> bytes:
    part = b'--B\r\nContent-Disposition: form-data; name="a"' + extra + b"\r\n\r\n1\r\n"
    return preamble + part * parts + b"--B--\r\n"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(multipart(1), 200, id="ordinary"),
        pytest.param(multipart(1000), 200, id="at-the-limit"),
        pytest.param(multipart(1001), 400, id="one-field-too-many"),
        pytest.param(multipart(20, extra=b'; filename="f"'), 200, id="twenty-files"),
        pytest.param(multipart(21, extra=b'; filename="f"'), 400, id="one-file-too-many"),
        pytest.param(multipart(10_000, extra=b'; filename="f"')[:1_900_000], 400, id="ten-thousand-files"),
        pytest.param(b"no boundary at all", 400, id="no-multipart"),
        pytest.param(multipart(1, extra=b"\r\nX-A: 1" * 20_000), 400, id="many-part-headers"),
        pytest.param(multipart(1, preamble=b"x" * 2_100_000), 413, id="preamble-counts"),
    ],
)
async def test_multipart_forms(make_shop, routes, body, status):
    shop = await make_shop(routes)
    message = {"type": "http.request", "body": body, "more_body": False}
    headers = [(b"content-type", b"multipart/form-data; boundary=B"), (b"transfer-encoding", b"chunked")]
    got, _ = await ask(shop.app, method="POST", path="/form", headers=headers, messages=[message])
    assert got == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b'{"a":[1,2]}', 200, id="ordinary"),
        pytest.param(b'{"a":1,"a":2}', 400, id="repeated-key"),
        pytest.param(b"NaN", 400, id="nan"),
        pytest.param(b"[" * 100_000, 400, id="a-hundred-thousand-levels"),
        pytest.param(b"[" * 33 + b"]" * 33, 400, id="one-level-too-many"),
        pytest.param(b"[" * 32 + b"]" * 32, 200, id="at-the-limit"),
        pytest.param(b'{"secret-value": ', 400, id="cut-off"),
    ],
)
async def test_json(make_shop, routes, body, status):
    shop = await make_shop(routes)
    message = {"type": "http.request", "body": body, "more_body": False}
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    got, answer = await ask(shop.app, method="POST", path="/json", headers=headers, messages=[message])
    assert got == status
    assert b"secret-value" not in answer


@pytest.mark.parametrize(
    ("raw_path", "status"),
    [
        pytest.param(b"/" + b"a" * 8000, 404, id="long"),
        pytest.param(b"/" + b"a" * 9000, 400, id="too-long"),
        pytest.param(b"*", 400, id="asterisk"),
        pytest.param(b"@evil.example/", 400, id="not-absolute"),
        pytest.param(b"//evil.example/x", 400, id="two-slashes"),
        pytest.param(b"/a/../b", 400, id="dot-dot"),
        pytest.param(b"/a/%2e%2e/b", 400, id="encoded-dot-dot"),
        pytest.param(b"/a%2fb", 400, id="encoded-slash-where-nothing-lives"),
        pytest.param(b"/a%5cb", 400, id="encoded-backslash"),
        pytest.param(b"/a\\b", 400, id="backslash"),
        pytest.param(b"/a%00", 400, id="nul"),
        pytest.param(b"/%c0%ae%c0%ae/", 400, id="overlong-utf-8"),
        pytest.param(b"/a%0d%0aX", 400, id="line-break"),
        pytest.param(b"/%zz", 400, id="bad-escape"),
    ],
)
async def test_paths(make_shop, routes, raw_path, status):
    from urllib.parse import unquote

    shop = await make_shop(routes)
    path = unquote(raw_path.decode("latin-1"), errors="replace")
    got, _ = await ask(shop.app, path=path, raw_path=raw_path)
    assert got == status


@pytest.mark.parametrize(
    ("target", "status", "location"),
    [
        pytest.param(b"/x", 308, b"https://shop.example/x", id="path"),
        pytest.param(b"@evil.example/", 400, None, id="our-host-as-user-name"),
        pytest.param(b".evil.example/", 400, None, id="our-host-as-subdomain"),
        pytest.param(b":80@evil.example/", 400, None, id="our-host-with-a-password"),
        pytest.param(b"http://evil.example/", 400, None, id="absolute-form"),
    ],
)
async def test_the_way_to_https_leads_to_this_host(make_shop, routes, target, status, location):
    shop = await make_shop(routes)
    headers = [(b"sec-fetch-mode", b"navigate")]
    sent = await messages_of(shop.app, path=target.decode(), raw_path=target, scheme="http", headers=headers)
    assert (sent[0]["status"], dict(sent[0]["headers"]).get(b"location")) == (status, location)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/names/a", 200, id="plain"),
        pytest.param("/names/100%", 200, id="percent"),
        pytest.param("/names/\u0159", 200, id="unicode"),
        pytest.param("/names/\udcff", 400, id="no-utf-8"),
        pytest.param("//names/a", 400, id="two-slashes"),
        pytest.param("/names/a\nb", 400, id="line-feed"),
    ],
)
async def test_a_server_that_does_not_keep_the_raw_path(make_shop, path, status):
    routes = Routes(access=access.public)

    @routes.get("/names/{name}")
    async def name(request):
        return JSONResponse(request.path_params["name"])

    shop = await make_shop(routes)
    assert (await ask(shop.app, path=path, raw_path=None))[0] == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/app/names", 200, id="below"),
        pytest.param("/names", 200, id="root-was-taken-off"),
        pytest.param("/appX/names", 404, id="begins-like-the-root"),
        pytest.param("/app/app/names", 404, id="twice"),
    ],
)
async def test_the_root_path_ends_at_a_slash(make_shop, path, status):
    routes = Routes(access=access.public)

    @routes.get("/names")
    async def names(request):
        return JSONResponse("names")

    shop = await make_shop(routes)
    assert (await ask(shop.app, path=path, root_path="/app"))[0] == status


async def test_an_encoded_slash_passes_only_where_a_route_says_so(make_shop):
    routes = Routes(access=access.public)

    @routes.get("/files/{name:path}", encoded_slash=True)
    async def file(request):
        return JSONResponse(request.path_params["name"])

    @routes.get("/pages/{name:path}")
    async def page(request):
        return JSONResponse(request.path_params["name"])

    shop = await make_shop(routes)
    assert (await ask(shop.app, path="/files/a/b", raw_path=b"/files/a%2Fb"))[0] == 200
    assert (await ask(shop.app, path="/pages/a/b", raw_path=b"/pages/a%2Fb"))[0] == 400
    assert shop.reasons() == ["path_encoded_slash"]
