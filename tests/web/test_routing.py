"""Routes: nothing unmarked starts, and every message names the fix."""

import functools
import re

import pytest
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, WebSocketRoute

from fastness import Because, Fastness, JSONResponse, Routes, access
from fastness.app import MissingFolderError, SealedError
from fastness.web.route import MissingAccessError, RouteError
from tests.web.shop import make_settings


async def answer(request):
    return JSONResponse(sorted(request.path_params.items(), key=str))


async def parameter_of_fastapi(request, a: int):
    return JSONResponse(a)


async def parameter_with_a_default(request, page: int = 1):
    return JSONResponse(page)


async def parameter_by_name(request, *, page: int = 1):
    return JSONResponse(page)


async def parameters_of_django(self, request, pk):
    return JSONResponse(pk)


@pytest.mark.asvs("V8.2.1")
async def test_a_route_without_a_rule_stops_the_start_and_names_route_file_and_fix(make_shop):
    routes = Routes()
    routes.get("/open", access=access.public)(answer)
    routes.get("/forgotten")(answer)
    with pytest.raises(MissingAccessError) as caught:
        await make_shop(routes)
    message = str(caught.value)
    assert "/forgotten" in message
    assert __file__ in message
    assert "access=access.public" in message


@pytest.mark.asvs("V8.2.1")
@pytest.mark.parametrize(
    "declare",
    [
        pytest.param(lambda routes: routes.mount("/m", Starlette()), id="mount"),
        pytest.param(lambda routes: routes.include(Route("/r", answer)), id="starlette-route"),
        pytest.param(lambda routes: routes.include(WebSocketRoute("/w", answer)), id="starlette-socket"),
        pytest.param(lambda routes: routes.include(Mount("/s", Starlette())), id="starlette-mount"),
        pytest.param(lambda routes: routes.endpoint("/c")(type("C", (), {"get": answer})), id="class"),
        pytest.param(lambda routes: routes.websocket("/w")(answer), id="socket"),
    ],
)
async def test_every_kind_of_route_needs_a_rule(make_shop, declare):
    routes = Routes()
    declare(routes)
    with pytest.raises(MissingAccessError):
        await make_shop(routes)


@pytest.mark.parametrize(
    ("declare", "part_of_message"),
    [
        pytest.param(lambda r: r.get("no-slash", access=access.public)(answer), "start with '/'", id="relative"),
        pytest.param(lambda r: r.get("/a/../b", access=access.public)(answer), "'..'", id="dot-segment"),
        pytest.param(
            lambda r: r.get("/{a}-{b}-{c}", access=access.public)(answer), "open-ended", id="three-share-a-segment"
        ),
        pytest.param(
            lambda r: r.get("/{a:path}/{b}/{c}", access=access.public)(answer), "open-ended", id="three-behind-a-path"
        ),
        pytest.param(lambda r: r.get("/a//b", access=access.public)(answer), "empty segment", id="double-slash"),
        pytest.param(
            lambda r: r.get("/a", access=access.public)(lambda request: None), "async def", id="plain-function"
        ),
        pytest.param(lambda r: r.endpoint("/a", access=access.public)(object), "no method", id="class-without-verbs"),
        pytest.param(lambda r: r.include(Host("a.example", Starlette()), access=access.public), "mount(", id="host"),
        pytest.param(lambda r: r.get("/{a:nope}", access=access.public)(answer), "nope", id="unknown-convertor"),
        pytest.param(lambda r: r.get("/<int:a>", access=access.public)(answer), "{name:int}", id="parameter-of-django"),
        pytest.param(lambda r: r.get("/{case-id}", access=access.public)(answer), "{name}", id="name-with-a-hyphen"),
        pytest.param(lambda r: r.get("/{a", access=access.public)(answer), "{name}", id="bracket-left-open"),
        pytest.param(
            lambda r: r.get("/{a}", access=access.public)(parameter_of_fastapi), 'path_params["a"]', id="parameter"
        ),
        pytest.param(
            lambda r: r.get("/a", access=access.public)(parameter_with_a_default), "request.query_as", id="default"
        ),
        pytest.param(lambda r: r.get("/a", access=access.public)(parameter_by_name), "functools.partial", id="keyword"),
        pytest.param(
            lambda r: r.endpoint("/a", access=access.public)(type("Two", (), {"get": parameters_of_django})),
            'path_params["pk"]',
            id="parameter-of-a-method",
        ),
        pytest.param(lambda r: r.get("/{a}/{a}", access=access.public)(answer), "compiled", id="parameter-twice"),
        pytest.param(
            lambda r: r.endpoint("/a", access=access.public)(type("Plain", (), {"get": lambda self, request: None})),
            "async def",
            id="class-with-a-plain-function",
        ),
        pytest.param(
            lambda r: r.post("/a", access=access.public, insecure_skip_csrf=False)(answer), "Because(", id="false"
        ),
        pytest.param(
            lambda r: r.get("/a", access=access.public, insecure_write_on_get=True)(answer), "Because(", id="no-reason"
        ),
        pytest.param(lambda r: r.post("/a", access=access.public, csrf="Always")(answer), "'always'", id="csrf"),
        pytest.param(
            lambda r: r.websocket("/a", access=access.public, csrf="always")(answer), "Origin", id="csrf-of-a-socket"
        ),
        pytest.param(
            lambda r: r.post("/a", access=access.public, max_body_bytes=0)(answer), "above 0", id="no-body-at-all"
        ),
        pytest.param(
            lambda r: r.post("/a", access=access.public, trusted_origins=("*",))(answer), "https://", id="any-origin"
        ),
        pytest.param(
            lambda r: r.post("/a", access=access.public, trusted_origins="https://a.example")(answer),
            "comma",
            id="origins-as-one-text",
        ),
        pytest.param(
            lambda r: r.include(Routes(), access=access.public, csrf="always"), "each of its routes", id="group-options"
        ),
    ],
)
async def test_a_route_that_cannot_be_right_is_refused(make_shop, declare, part_of_message):
    routes = Routes()
    with pytest.raises(RouteError, match=re.escape(part_of_message)):  # noqa: PT012 - at either of the two moments
        declare(routes)
        await make_shop(routes)


async def test_a_value_of_the_programs_own_is_bound_to_a_handler(make_shop, browse):
    routes = Routes()
    for page in (1, 2):
        routes.get(f"/{page}", access=access.public)(functools.partial(parameter_by_name, page=page))
    async with browse(await make_shop(routes)) as browser:
        assert [(await browser.open(f"/{page}")).text for page in (1, 2)] == ["1", "2"]


@pytest.mark.parametrize(
    "value", [pytest.param(None, id="nothing"), pytest.param(Because("a signed webhook"), id="why")]
)
async def test_an_exemption_is_a_reason_or_nothing(make_shop, value):
    routes = Routes(access=access.public)
    routes.post("/a", insecure_skip_csrf=value)(answer)
    shop = await make_shop(routes)
    assert [name for name, _ in shop.app.routes[0].exemptions()] == (["insecure_skip_csrf"] if value else [])


async def test_a_route_object_of_starlettes_keeps_its_name_and_its_endpoints_mark(make_shop):
    marked = access.requires(access.signed_in)(lambda request: None)
    routes = Routes()
    routes.include(Route("/marked", marked, name="theirs"))
    routes.include(Mount("/old", PlainTextResponse("old")), access=access.public)
    shop = await make_shop(routes)
    assert [(route.name, str(route.access)) for route in shop.app.routes[:2]] == [
        ("theirs", "signed_in"),
        ("old", "public"),
    ]


async def test_a_group_gives_its_rule_and_prefix_and_what_is_in_it_can_only_ask_for_more(make_shop, browse):
    inner = Routes("/notes", access=access.role("editors"))
    inner.get("/{note_id:int}", name="note")(answer)
    inner.get("/new", access=access.fresh(minutes=5))(answer)
    routes = Routes("/cases", access=access.signed_in)
    routes.include(inner)
    routes.include(inner, access=access.second_factor)
    routes.get("/list", access=access.signed_in)(answer)
    routes.get("/other", access=access.signed_in & access.role("editors"))(answer)
    open_to_all = Routes("/help", access=access.public)
    open_to_all.get("/all")(answer)
    open_to_all.get("/mine", access=access.signed_in)(answer)
    shop = await make_shop(routes, open_to_all)
    assert [(route.path, str(route.access)) for route in shop.app.routes[:8]] == [
        ("/cases/notes/{note_id:int}", "signed_in & role(editors)"),
        ("/cases/notes/new", "signed_in & role(editors) & fresh(300 s)"),
        ("/cases/notes/{note_id:int}", "signed_in & second_factor & role(editors)"),
        ("/cases/notes/new", "signed_in & second_factor & role(editors) & fresh(300 s)"),
        ("/cases/list", "signed_in"),
        ("/cases/other", "signed_in & role(editors)"),
        ("/help/all", "public"),
        ("/help/mine", "signed_in"),
    ]
    async with browse(shop) as browser:
        assert (await browser.fetch("/help/all")).status == 200
        assert (await browser.fetch("/cases/notes/7")).status == 401


def endpoint_of(**attributes):
    return type("Case", (), {"get": answer, **attributes})


@pytest.mark.parametrize(
    "declare",
    [
        pytest.param(lambda r: r.get("/help", access=access.public)(answer), id="route"),
        pytest.param(lambda r: r.get("/help")(access.requires(access.public)(copy_of(answer))), id="mark"),
        pytest.param(lambda r: r.include(group(access.public)), id="group"),
        pytest.param(lambda r: r.endpoint("/help")(endpoint_of(access=access.public)), id="class"),
        pytest.param(
            lambda r: r.endpoint("/help")(
                type("Open", (endpoint_of(access=access.signed_in),), {"access": access.public})
            ),
            id="derived-class",
        ),
    ],
)
async def test_what_says_public_inside_what_is_not_does_not_start(make_shop, declare):
    routes = Routes("/cases", access=access.signed_in)

    async def start():
        declare(routes)
        await make_shop(routes)

    with pytest.raises(RouteError, match="a group of its own"):
        await start()


def copy_of(handler):
    async def copied(request):
        return await handler(request)

    return copied


def group(rule):
    routes = Routes("/help", access=rule)
    routes.get("/all")(answer)
    return routes


async def test_a_mark_of_a_handler_counts_beside_its_group(make_shop):
    routes = Routes(access=access.signed_in)
    routes.get("/a")(access.requires(access.role("editors"))(copy_of(answer)))
    shop = await make_shop(routes)
    assert str(shop.app.routes[0].access) == "signed_in & role(editors)"


async def test_what_is_no_rule_is_none(make_shop):
    handler = copy_of(answer)
    handler.access = "public"
    routes = Routes()
    routes.get("/a", access=access.public)(handler)
    with pytest.raises(MissingAccessError):
        await make_shop(routes)


class ForEditors:
    access = access.role("editors")


@access.requires(access.fresh(minutes=5))
class ForTheFresh:
    @access.requires(access.second_factor)
    async def delete(self, request):
        return JSONResponse("deleted")


async def test_the_rules_of_a_class_its_methods_and_its_mixins_all_hold(make_shop, browse):
    routes = Routes(access=access.signed_in)

    @routes.endpoint("/case", access=access.network("10.0.0.0/8"))
    class Case(ForEditors, ForTheFresh):
        async def get(self, request):
            return JSONResponse("read")

        @access.requires(access.permission("accounts.view_users"))
        async def post(self, request):
            return JSONResponse("written")

        async def delete(self, request):
            return JSONResponse("deleted in another way")

    common = "signed_in & network(10.0.0.0/8) & fresh(300 s)"
    shop = await make_shop(routes)
    assert {tuple(sorted(route.methods)): str(route.access) for route in shop.app.routes if route.path == "/case"} == {
        ("GET", "HEAD"): f"{common} & role(editors)",
        ("POST",): f"{common} & role(editors) & permission(accounts.view_users)",
        ("DELETE",): f"{common} & second_factor & role(editors)",
    }
    async with browse(shop) as browser:
        for method in ("GET", "HEAD", "POST", "DELETE"):
            assert (await browser.fetch("/case", method)).status == 401
        page = await browser.fetch("/case", "PUT")
    assert page.status == 405
    assert page.headers["allow"] == "DELETE, GET, HEAD, POST"


async def test_one_method_of_a_class_may_have_a_rule_where_the_class_has_none(make_shop):
    class Case:
        @access.requires(access.public)
        async def get(self, request):
            return JSONResponse("read")

        async def post(self, request):
            return JSONResponse("written")

    routes = Routes()
    routes.endpoint("/case")(Case)
    with pytest.raises(MissingAccessError, match="/case"):
        await make_shop(routes)


@pytest.mark.asvs("V1.4.2")
@pytest.mark.parametrize(
    ("number", "status"),
    [
        pytest.param("0", 200, id="zero"),
        pytest.param(str(2**63 - 1), 200, id="the-largest-of-64-bits"),
        pytest.param(str(2**63), 404, id="one-more"),
        pytest.param("9" * 4300, 404, id="as-many-digits-as-python-reads"),
        pytest.param("9" * 4301, 404, id="more"),
        pytest.param("-1", 404, id="negative"),
    ],
)
async def test_a_number_beyond_what_a_database_holds_is_nobodys(make_shop, browse, number, status):
    routes = Routes(access=access.public)

    @routes.get("/cases/{number:int}")
    async def case(request):
        return JSONResponse("found")

    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert (await browser.fetch("/cases/" + number)).status == status


async def test_the_first_declared_route_wins(make_shop, browse):
    routes = Routes(access=access.public)

    @routes.get("/cases/{name}")
    async def by_name(request):
        return JSONResponse("by name")

    @routes.get("/cases/new")
    async def new(request):
        return JSONResponse("new")

    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert (await browser.fetch("/cases/new")).json() == "by name"


async def test_starlettes_own_routes_and_mounts_answer_with_their_parameters(make_shop, browse):
    async def show(request):
        return PlainTextResponse(f"{request.path_params['case_id']} {request.scope['root_path']}")

    class Old(HTTPEndpoint):
        async def post(self, request):
            return PlainTextResponse("posted")

    inner = Starlette(routes=[Route("/show/{case_id:int}", show)])
    routes = Routes(access=access.public)
    routes.include(Route("/direct/{case_id:int}", show))
    routes.include(Route("/old", Old))
    routes.include(Mount("/starlette", inner))
    routes.mount("/mounted", inner)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert (await browser.fetch("/direct/7")).text == "7 "
        assert (await browser.fetch("/starlette/show/8")).text == "8 /starlette"
        assert (await browser.fetch("/mounted/show/9")).text == "9 /mounted"
        assert (await browser.fetch("/old", "POST")).text == "posted"
        assert (await browser.fetch("/mounted/none")).status == 404


async def test_a_class_answers_the_verbs_it_has(make_shop, browse):
    routes = Routes()

    @routes.endpoint("/thing")
    class Thing:
        access = access.public

        async def get(self, request):
            return JSONResponse("got")

        async def delete(self, request):
            return JSONResponse("deleted")

    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert (await browser.fetch("/thing")).json() == "got"
        assert (await browser.fetch("/thing", "DELETE")).json() == "deleted"
        refused = await browser.fetch("/thing", "POST")
        assert refused.status == 405
        assert refused.headers["allow"] == "DELETE, GET, HEAD"
        assert (await browser.fetch("/thing", "HEAD")).status == 200


async def test_nothing_can_be_added_once_the_app_serves(make_shop):
    shop = await make_shop(Routes())
    with pytest.raises(SealedError):
        shop.app.mount("/late", Starlette(), access=access.public)
    with pytest.raises(SealedError):
        shop.app.include(Routes())


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param("/cases/", "/cases", id="slash-too-many"),
        pytest.param("/folder", "/folder/", id="slash-missing"),
        pytest.param("/cases/?a=1", "/cases?a=1", id="keeps-the-query"),
    ],
)
async def test_a_page_is_found_with_and_without_its_last_slash(make_shop, browse, asked, told):
    routes = Routes(access=access.public)
    routes.get("/cases")(answer)
    routes.get("/folder/")(answer)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", asked)
        assert (page.status, page.headers["location"]) == (308, told)
        assert (await browser.raw("POST", asked)).status == 404


async def test_a_handler_that_returns_no_response_is_named_in_the_log(make_shop, browse, caplog):
    routes = Routes(access=access.public)

    @routes.get("/wrong")
    async def wrong(request):
        return {"a": 1}

    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch("/wrong")
    assert page.status == 500
    assert "dict" not in page.text
    assert "returned dict" in caplog.text


async def test_a_long_path_is_not_tried_on_parameters_that_share_a_segment(make_shop, browse):
    routes = Routes(access=access.public)
    routes.get("/{year:int}-{month:int}-{day:int}")(answer)
    routes.get("/{first}-{last}")(answer)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        assert (await browser.fetch("/2026-11-22")).json() == [["day", 22], ["month", 11], ["year", 2026]]
        assert (await browser.fetch("/ada-lovelace")).status == 200
        assert (await browser.fetch("/" + "-" * 1100)).status == 404


async def test_one_group_instead_of_a_list_is_told_so():
    with pytest.raises(RouteError, match=re.escape("routes=[routes]")):
        Fastness(make_settings(), routes=Routes())


@pytest.mark.parametrize("name", ["templates", "static"])
async def test_a_folder_that_is_not_there_stops_the_start(make_shop, tmp_path, name):
    with pytest.raises(MissingFolderError, match=re.escape(f"{tmp_path / 'nowhere'}, which the app gives as {name}=")):
        await make_shop(Routes(), **{name: tmp_path / "nowhere"})
