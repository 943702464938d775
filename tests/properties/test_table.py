"""The compiled table finds what Starlette's router finds, whatever the routes and whatever the path."""

import uuid

from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.routing import Mount, Router, WebSocketRoute, compile_path
from starlette.routing import Route as StarletteRoute

from fastness.web.access import public
from fastness.web.patterns import open_ended_together
from fastness.web.routing import Routes, seal_route
from fastness.web.table import WEBSOCKET, Table

LITERALS = ["a", "b", "cases", "new", "7", "x-y", "é"]
PARAMETERS = ["{%s}", "{%s:int}", "{%s:path}", "{%s:uuid}", "{%s:float}", "pre-{%s}", "{%s}.html", "{%s:int}-x"]
VALUES = [
    "a",
    "b",
    "cases",
    "new",
    "7",
    "007",
    "1.5",
    "x-y",
    "pre-a",
    "a.html",
    "7-x",
    "é",
    str(uuid.UUID(int=9)),
    ".",
    "-",
]


@st.composite
def route_paths(draw):
    count = draw(st.integers(0, 4))
    segments = []
    for index in range(count):
        if draw(st.booleans()):
            segments.append(draw(st.sampled_from(LITERALS)))
        else:
            segments.append(draw(st.sampled_from(PARAMETERS)) % f"p{index}")
    tail = draw(st.sampled_from(["", "/"])) if segments else ""
    return "/" + "/".join(segments) + tail


def is_cheap(path: str) -> bool:
    mounted = path.rstrip("/") + "/{rest:path}"
    return open_ended_together(mounted, compile_path(mounted)[2]) <= 2


declared = st.tuples(route_paths().filter(is_cheap), st.sampled_from(["GET", "POST", "mount", "websocket"]))
requested = st.lists(st.sampled_from(VALUES), max_size=5).map(lambda parts: "/" + "/".join(parts))
endings = st.sampled_from(["", "/"])


async def nothing(*_args):
    raise AssertionError


def ours(routes) -> Table:
    group = Routes(access=public)
    for index, (path, kind) in enumerate(routes):
        if kind == "mount":
            group.include(Mount(path.rstrip("/") or "/m", app=nothing), name=str(index))
        elif kind == "websocket":
            group.include(WebSocketRoute(path, nothing), name=str(index))
        else:
            group.include(StarletteRoute(path, nothing, methods=[kind]), name=str(index))
    return Table(seal_route(one) for one in group.declared())


def theirs(routes) -> Router:
    made = []
    for index, (path, kind) in enumerate(routes):
        if kind == "mount":
            made.append(Mount(path.rstrip("/") or "/m", app=nothing, name=str(index)))
        elif kind == "websocket":
            made.append(WebSocketRoute(path, nothing, name=str(index)))
        else:
            made.append(StarletteRoute(path, nothing, methods=[kind], name=str(index)))
    return Router(routes=made, redirect_slashes=False)


def starlette_answer(router: Router, path: str, method: str):
    """Which route Starlette's router calls, with which parameters; or the status it would give instead."""
    kind = "websocket" if method == WEBSOCKET else "http"
    scope = {"type": kind, "path": path, "method": method, "headers": []}
    partial = False
    for route in router.routes:
        match, child = route.matches(scope)
        if match.value == 2:
            params = dict(child["path_params"])
            if isinstance(route, Mount):
                params["path"] = path[len(child["root_path"]) :].removeprefix("/")
            return route.name, params
        partial = partial or match.value == 1
    return ("405", {}) if partial else ("404", {})


def our_answer(table: Table, path: str, method: str):
    found = table.find(path, method)
    if found is None:
        return "404", {}
    if found.route is None:
        return "405", {}
    return found.route.name, dict(found.params)


@settings(max_examples=600)
@given(st.lists(declared, max_size=12), requested, endings, st.sampled_from(["GET", "POST", "HEAD", WEBSOCKET]))
@example([("/{p0:path}", "GET"), ("/a", "GET")], "/a", "", "GET")
@example([("/a/{p1}", "POST"), ("/a/b", "GET")], "/a/b", "", "POST")
@example([("/", "mount"), ("/a", "GET")], "/a", "", "GET")
def test_the_table_answers_as_starlettes_router(routes, path, ending, method):
    path = path if path.endswith("/") else path + ending
    assert our_answer(ours(routes), path, method) == starlette_answer(theirs(routes), path, method)


@settings(max_examples=200)
@given(st.lists(declared, min_size=1, max_size=12), st.data())
def test_every_declared_path_is_found_when_it_is_first(routes, data):
    path, kind = data.draw(st.sampled_from(routes))
    if kind in {"mount", "websocket"} or "{" in path:
        return
    first = [(path, kind), *routes]
    assert our_answer(ours(first), path, kind) == ("0", {})
