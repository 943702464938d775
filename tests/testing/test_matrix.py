"""The matrix on small apps: it passes where all is right, and finds each way in which it is not."""

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route as StarletteRoute

from fastness import Because, Fastness, JSONResponse, Request, Routes, access, rates
from fastness.authz.permissions import Permissions
from fastness.sessions.identity import Identity
from fastness.testing.browser import Browser
from fastness.testing.matrix import (
    ANONYMOUS,
    EVERYBODY,
    PEOPLE,
    AccessMatrixError,
    ObjectID,
    Plain,
    Sample,
    Untested,
    assert_matrix,
    walk_matrix,
    with_identity,
    with_password,
)
from fastness.web.refusals import NotFoundError
from fastness.web.sockets import WebSocket
from tests.web.shop import ORIGIN, Shop

MAREN, IDRIS, EDITH, NOBODY = (uuid.UUID(int=number) for number in range(1, 5))


class NotePermissions(Permissions):
    EDIT = "notes.edit", "May change notes."


class Notebook:
    """Notes with an owner each, and handlers that look at it, or forget to."""

    def __init__(self):
        self.notes = {}
        self.maren, self.idris = self.write(MAREN), self.write(IDRIS)

    def write(self, owner):
        note = uuid.uuid4()
        self.notes[note] = owner
        return note

    def find(self, request: Request, text):
        note = uuid.UUID(str(text))
        if self.notes.get(note) != request.user.id:
            raise NotFoundError
        return note

    @property
    def both(self):
        return ObjectID(self.maren, self.idris)


@pytest.fixture
def book():
    return Notebook()


@pytest.fixture
async def walk(tmp_path, clock):
    """Walks the matrix of an app with these routes; gives what is wrong."""
    opened = []

    async def walk_routes(routes, samples, **changes):
        shop = Shop(tmp_path, [routes], clock=clock, accounts=False, permissions=[NotePermissions])
        await shop.app.open()
        opened.append(shop.app)
        people = {**people_of(shop.app), **changes.pop("people", {})}
        people = {name: one for name, one in people.items() if one is not None}
        return await walk_matrix(shop.app, people=people, samples=samples, origin=ORIGIN, **changes)

    yield walk_routes
    for app in opened:
        await app.close()


def identity(user_id, clock, **changes):
    now = clock.epoch()
    made = Identity(id=user_id, username=str(user_id), display_name="", authenticated_at=now, second_factor_at=now)
    return replace(made, **changes)


def people_of(app: Fastness):
    clock = app.services.clock
    editors = frozenset({"editors"})
    return {
        "maren": with_identity(app, identity(MAREN, clock)),
        "idris": with_identity(app, identity(IDRIS, clock)),
        "edith": with_identity(app, identity(EDITH, clock, roles=editors, permissions=frozenset({"notes.edit"}))),
        "nobody": with_identity(app, identity(NOBODY, clock)),
    }


def done(request):
    return JSONResponse({"done": True})


def note_routes(book, *, is_scoped=True, rule=access.signed_in):
    routes = Routes()

    @routes.get("/notes/{note_id:uuid}", access=rule)
    async def show(request: Request):
        if is_scoped:
            book.find(request, request.path_params["note_id"])
        return done(request)

    return routes


def sample(book, **changes):
    return Sample(**{"owner": "maren", "other": "idris", "params": {"note_id": book.both}, **changes})


KEY = "GET /notes/{note_id:uuid}"


async def test_what_is_right_passes(walk, book):
    assert await walk(note_routes(book), {KEY: sample(book)}) == []
    assert await walk(note_routes(book), {"show": sample(book)}) == []


async def test_an_object_that_is_not_scoped_is_a_leak(walk, book):
    problems = await walk(note_routes(book, is_scoped=False), {KEY: sample(book)})
    leaks = [problem for problem in problems if "LEAK" in problem]
    assert leaks == problems
    # Three others ask for Maren's note, and Maren for Idris'; who is not signed in is kept out by the rule.
    assert [problem.split()[3] for problem in leaks] == ["idris", "edith", "nobody", "maren"]


@pytest.mark.parametrize("rule", [pytest.param(access.public, id="public")])
async def test_a_rule_that_was_taken_away_is_found(walk, rule):
    def desk(rule):
        routes = Routes()
        routes.get("/desk", access=rule, name="desk")(answer)
        return routes

    async def answer(request: Request):
        return done(request)

    declared = {"desk": Sample(owner="edith")}
    assert await walk(desk(access.role("editors")), declared) == []
    problems = await walk(desk(access.signed_in), declared)
    assert ["LEAK" in problem for problem in problems] == [True] * 3
    problems = await walk(desk(rule), declared)
    assert ["LEAK" in problem for problem in problems] == [True] * 4


def place_routes(book, forgotten):
    """A note is moved into a folder: both ids are looked at, but for the forgotten place."""
    routes = Routes(access=access.signed_in)

    def look(request, place, value):
        if place != forgotten:
            book.find(request, value)

    @routes.post("/notes/{note_id:uuid}/move")
    async def move(request: Request):
        look(request, "path", request.path_params["note_id"])
        look(request, "query", request.query["after_id"])
        for name, value in await request.form_pairs():
            if name in {"folder_id", "tag_id"}:
                look(request, name, value)
        return done(request)

    @routes.put("/notes")
    async def put(request: Request):
        sent: Any = await request.json()
        for line in sent["lines"]:
            look(request, "json", line["id"])
        return done(request)

    return routes


@pytest.mark.parametrize(
    ("forgotten", "named"),
    [
        pytest.param(None, None, id="none"),
        pytest.param("path", "path parameter note_id", id="path"),
        pytest.param("query", "query parameter after_id", id="query"),
        pytest.param("folder_id", "form field folder_id", id="form"),
        pytest.param("tag_id", "form field tag_id[1]", id="form-list"),
        pytest.param("json", "JSON lines[1].id", id="json"),
    ],
)
async def test_somebody_elses_id_is_tried_in_every_place(walk, book, forgotten, named):
    samples = {
        "move": sample(
            book, query={"after_id": book.both}, form={"folder_id": book.both, "tag_id": [book.both, book.both]}
        ),
        "put": sample(book, params={}, json={"lines": [{"id": book.both}, {"id": book.both, "text": "a"}]}),
    }
    problems = await walk(place_routes(book, forgotten), samples)
    assert bool(problems) is (forgotten is not None)
    assert all("LEAK" in problem for problem in problems)
    if named is not None:
        assert any(f"idris's object as {named} " in problem for problem in problems)


def refusing(error=None, status=404):
    """A route that refuses everybody, as one does that the sample does not fit."""
    routes = Routes()

    @routes.post("/notes/{note_id:uuid}", access=access.signed_in, csrf="always", name="edit")
    async def edit(request: Request):
        if error is not None:
            raise error
        return JSONResponse({}, status=status)

    return routes


@pytest.mark.parametrize(
    ("status", "says"),
    [
        pytest.param(404, "maren must succeed", id="not-there-for-anybody"),
        pytest.param(403, "maren must succeed", id="forbidden-to-all"),
        pytest.param(422, "a refusal is one of 401, 403, 404", id="validation"),
        pytest.param(400, "a refusal is one of 401, 403, 404", id="malformed"),
        pytest.param(500, "a refusal is one of 401, 403, 404", id="crash"),
        pytest.param(401, "no longer signed in", id="nobody-is-signed-in"),
    ],
)
async def test_a_refusal_for_another_reason_fails(walk, book, status, says):
    problems = await walk(refusing(status=status), {"edit": sample(book)})
    assert any(says in problem for problem in problems)
    assert any("maren must succeed" in problem for problem in problems)


async def test_an_id_that_is_not_there_fails(walk, book):
    gone = uuid.uuid4()
    for both, who in ((ObjectID(gone, book.idris), "maren must"), (ObjectID(book.maren, gone), "idris must")):
        (problem,) = await walk(note_routes(book), {KEY: sample(book, params={"note_id": both})})
        assert who in problem


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, "cross_site", id="cross-site"),
        pytest.param({"X-CSRF-Token": "not the token"}, "form_token", id="form-token"),
    ],
)
async def test_a_gate_that_refuses_everybody_fails(walk, book, headers, code):
    problems = await walk(refusing(), {"edit": sample(book, headers=headers)})
    assert any(f"another reason than access, 403 {code}" in problem for problem in problems)
    assert any("maren must succeed" in problem for problem in problems)


async def test_the_token_is_sent(walk, book):
    routes = Routes()

    @routes.post("/notes/{note_id:uuid}", access=access.signed_in, csrf="always")
    async def edit(request: Request):
        book.find(request, request.path_params["note_id"])
        return done(request)

    assert await walk(routes, {"edit": sample(book, form={"text": "Hello"})}) == []
    assert await walk(routes, {"edit": sample(book, json={"text": "Hello"})}) == []


async def test_a_route_that_nobody_speaks_of_fails_and_says_what_to_write(walk, book):
    (problem,) = await walk(note_routes(book), {})
    assert f'"{KEY}": Sample(owner="…", other="…", params={{"note_id": ObjectID(mine, theirs)}}),' in problem
    (problem,) = await walk(note_routes(book), {KEY: []})
    assert "nobody's matrix" in problem
    assert await walk(note_routes(book), {KEY: Untested(Because("tried by a test of its own"))}) == []


async def test_a_sample_for_no_route_fails(walk, book):
    (problem,) = await walk(note_routes(book), {KEY: sample(book), "GET /gone": Sample(owner="maren")})
    assert "GET /gone" in problem


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"owner": "mallory"}, "'mallory', who is not among the people", id="unknown-person"),
        pytest.param({"other": None}, "other=", id="no-other"),
        pytest.param({"other": "maren"}, "other=", id="the-other-is-the-owner"),
        pytest.param({"allowed": PEOPLE}, "idris is allowed", id="the-other-is-allowed"),
        pytest.param({"params": {}}, "'note_id'", id="no-parameter"),
        pytest.param({"params": {"note_id": uuid.uuid4()}}, "path parameter note_id may be", id="unmarked-path"),
        pytest.param({"query": {"x": str(uuid.uuid4())}}, "query parameter x may be", id="unmarked-uuid"),
        pytest.param({"form": {"owner_id": 7}}, "form field owner_id may be", id="unmarked-name"),
        pytest.param({"json": [{"ids": ["7"]}]}, "JSON [0].ids[0] may be", id="unmarked-list"),
    ],
)
async def test_a_sample_that_proves_nothing_is_refused(walk, book, changes, says):
    problems = await walk(note_routes(book), {KEY: sample(book, **changes)})
    assert any(says in problem for problem in problems)
    assert all("LEAK" not in problem for problem in problems)


async def test_a_value_that_is_nobodys_is_said_to_be(walk, book):
    assert await walk(note_routes(book), {KEY: sample(book, query={"tab_id": Plain(7), "side": "left"})}) == []


async def test_a_public_page_is_declared_public(walk):
    routes = Routes()

    @routes.get("/", access=access.public)
    async def home(request: Request):
        return done(request)

    assert await walk(routes, {"home": Sample(owner=ANONYMOUS, allowed=EVERYBODY)}) == []
    problems = await walk(routes, {"home": Sample(owner="maren", allowed=PEOPLE)})
    assert ["LEAK: anonymous" in problem for problem in problems] == [True]


async def test_a_list_that_shows_too_much_is_a_leak(walk, book):
    def listing(*, is_scoped):
        routes = Routes()

        @routes.get("/notes", access=access.signed_in)
        async def show_all(request: Request):
            mine = [note for note, owner in book.notes.items() if owner == request.user.id or not is_scoped]
            return JSONResponse({"notes": [str(note) for note in mine]})

        return routes

    samples = {"show_all": Sample(owner="maren", allowed=PEOPLE, private=(str(book.maren),))}
    assert await walk(listing(is_scoped=True), samples) == []
    problems = await walk(listing(is_scoped=False), samples)
    assert ["which is private to maren" in problem for problem in problems] == [True] * 3


async def test_what_can_be_done_once_is_made_anew(walk, book):
    routes = Routes()

    @routes.delete("/notes/{note_id:uuid}", access=access.role("editors") | access.signed_in)
    async def remove(request: Request):
        note = request.path_params["note_id"]
        if "editors" not in request.user.roles or note not in book.notes:
            book.find(request, note)
        del book.notes[note]
        return done(request)

    async def make():
        both = ObjectID(book.write(MAREN), book.write(IDRIS))
        return sample(book, params={"note_id": both}, allowed={"edith"})

    assert await walk(routes, {"remove": make}) == []


async def test_the_people_are_those_whom_the_rules_tell_apart(walk, book, clock):
    routes = note_routes(book, rule=access.role("editors") | access.permission("notes.edit") | access.signed_in)
    samples = {KEY: sample(book)}
    assert await walk(routes, samples) == []
    problems = await walk(routes, samples, people={"edith": None})
    assert [word for problem in problems for word in ("'editors'", "'notes.edit'") if word in problem] == [
        "'editors'",
        "'notes.edit'",
    ]

    async def nothing(browser): ...

    (problem,) = await walk(routes, samples, people={"idris": nothing})
    assert "idris could not be signed in" in problem
    problems = await walk(routes, samples, people={"signed in": nothing})
    assert any("'signed in' stands for somebody else" in problem for problem in problems)


async def test_without_a_stranger_nothing_is_proved(tmp_path, clock, book):
    shop = Shop(tmp_path, [note_routes(book)], clock=clock, accounts=False)
    await shop.app.open()
    people = {"edith": people_of(shop.app)["edith"]}
    with pytest.raises(AccessMatrixError) as caught:
        await assert_matrix(shop.app, people=people, samples={KEY: sample(book, owner="edith")}, origin=ORIGIN)
    await shop.app.close()
    assert "stranger" in caught.value.problems[0]


async def test_a_refusal_for_want_of_a_second_factor_is_not_taken_for_another(walk, book, tmp_path, clock):
    routes = Routes()

    @routes.get("/vault", access=access.second_factor)
    async def vault(request: Request):
        return done(request)

    shop = Shop(tmp_path, [Routes()], clock=clock, accounts=False)
    await shop.app.open()
    weak = with_identity(shop.app, identity(NOBODY, clock, second_factor_at=None))
    samples = {"vault": Sample(owner="maren", allowed={"idris", "edith"})}
    (problem,) = await walk(routes, samples, people={"nobody": weak})
    assert "nobody was refused only for want of a second factor" in problem
    samples["vault"] = replace(samples["vault"], lacking={"nobody"})
    assert await walk(routes, samples, people={"nobody": weak}) == []
    await shop.app.close()


async def test_one_address_with_two_methods_is_two_lines(walk, book):
    routes = Routes()

    @routes.endpoint("/notes/{note_id:uuid}", access=access.signed_in)
    class Note:
        async def get(self, request: Request):
            book.find(request, request.path_params["note_id"])
            return done(request)

        async def delete(self, request: Request):
            return done(request)

    (problem,) = await walk(routes, {"GET /notes/{note_id:uuid}": sample(book)})
    assert "DELETE /notes/{note_id:uuid}" in problem
    problems = await walk(routes, {f"{method} /notes/{{note_id:uuid}}": sample(book) for method in ("GET", "DELETE")})
    assert {problem.split(":")[0] for problem in problems} == {"DELETE /notes/{note_id"}


async def test_a_mounted_app_is_tried_by_the_requests_that_are_named(walk, book):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    def mounted(rule):
        routes = Routes()
        routes.mount("/api", app, access=rule)
        return routes

    one = Sample(owner="maren", allowed=PEOPLE, method="GET", params={"path": Plain("things/7")})
    assert await walk(mounted(access.signed_in), {"any /api/{path:path}": [one]}) == []
    problems = await walk(mounted(access.public), {"any /api/{path:path}": [one]})
    assert ["LEAK: anonymous" in problem for problem in problems] == [True]
    (problem,) = await walk(mounted(access.signed_in), {"any /api/{path:path}": [replace(one, method=None)]})
    assert "method=" in problem


async def test_the_routes_of_a_mounted_router_are_lines_of_their_own(walk, book):
    async def answer(request: StarletteRequest):
        return StarletteResponse("{}")

    routes = Routes()
    inner = Starlette(routes=[StarletteRoute("/notes/{note_id}", answer, methods=["GET", "DELETE"])])
    routes.mount("/api", inner, access=access.signed_in)
    problems = await walk(routes, {"GET /api/notes/{note_id}": sample(book)})
    assert "DELETE /api/notes/{note_id}" in problems[-1]
    assert ["LEAK" in problem for problem in problems[:-1]] == [True] * 4


async def test_a_socket_is_tried_by_its_handshake(walk, book):
    def sockets(*, is_scoped):
        routes = Routes()

        @routes.websocket("/notes/{note_id:uuid}/live", access=access.signed_in)
        async def live(socket: WebSocket):
            if is_scoped and book.notes[socket.path_params["note_id"]] != socket.user.id:
                await socket.close(1008)
                return
            await socket.accept()
            await asyncio.Event().wait()

        return routes

    assert await walk(sockets(is_scoped=True), {"live": sample(book)}) == []
    problems = await walk(sockets(is_scoped=False), {"live": sample(book)})
    assert ["LEAK" in problem for problem in problems] == [True] * 4


async def test_somebody_made_up_is_signed_in_again_after_all_their_sessions_were_ended(make_shop, clock):
    shop = await make_shop(Routes())
    sign_in = with_identity(shop.app, identity(MAREN, clock))
    async with Browser(shop.app, origin=ORIGIN) as browser:
        for _ in range(2):
            await sign_in(browser)
            assert len(await shop.app.services.sessions.active_sessions(MAREN)) == 1
            await shop.app.services.sessions.end_all(MAREN)


@pytest.mark.parametrize("by", [rates.client, rates.user, rates.session])
async def test_a_rate_is_no_refusal(walk, by):
    routes = Routes()

    @routes.get("/search", access=access.signed_in, rate=rates.per_hour(1, by=by))
    async def search(request: Request):
        return done(request)

    samples = {"GET /search": [Sample(owner="maren", allowed=PEOPLE), Sample(owner="idris", allowed=PEOPLE)]}
    assert await walk(routes, samples) == []


async def test_people_sign_in_by_the_form(make_shop, migrated, book):
    shop = await make_shop(note_routes(book))
    services = shop.app.services
    ids = {}
    async with services.open_unit(is_read_only=False) as unit:
        for name in ("maren", "idris"):
            user = await services.accounts.create_user(
                unit.session, username=name, password="a long pass phrase of the tests", display_name=name
            )
            ids[name] = user.id
    book.notes = {book.maren: ids["maren"], book.idris: ids["idris"]}
    people = {name: with_password(name, "a long pass phrase of the tests") for name in ids}
    await assert_matrix(shop.app, people=people, samples={KEY: sample(book)}, origin=ORIGIN)
    people["idris"] = with_password("idris", "another pass phrase of the tests")
    with pytest.raises(AccessMatrixError, match="idris could not be signed in"):
        await assert_matrix(shop.app, people=people, samples={KEY: sample(book)}, origin=ORIGIN)
