"""Every route, tried by everybody: the test that finds the object which somebody sees who should not.

    async def test_nobody_gets_what_is_not_theirs(app):
        people = {"maren": with_password("maren", …), "idris": with_password("idris", …)}
        await assert_matrix(app, people=people, samples={"GET /cases/{case_id:uuid}": Sample(…), …})

For each route the owner's own request is sent by whoever is not signed in and by each of the other people, and must be refused
with 401, 403 or 404; then by the owner with the id of somebody else's object in each place that holds one, path, query, form and
JSON, one at a time. Then the owner sends it as it is, and must succeed: otherwise the refusals said nothing. A refusal for
another reason fails as well: a missing token, a person who is no longer signed in, an object that is not there for anybody.

What is not marked is refused: a route that no sample tells of fails, and so does a role or permission in a rule that none of the
people has. The framework's own pages are left out. Not covered: what a refused request has changed nevertheless, and what two
requests do together. ASVS 5.0: V8.2.1, V8.2.2, V8.3.1.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack

from fastness.accounts.routes import ACCOUNT_ROUTES
from fastness.app import Fastness
from fastness.checks.matrix import names_in
from fastness.sessions.identity import Identity
from fastness.testing.browser import Browser
from fastness.testing.samples import (
    ANONYMOUS,
    EVERYBODY,
    PEOPLE,
    Declaration,
    ObjectID,
    Plain,
    Sample,
    SampleMaker,
    Untested,
)
from fastness.testing.visiting import SignIn, identity_in, with_identity, with_password, with_session
from fastness.testing.walking import Target, Walk
from fastness.web.debugtoken import debug_routes
from fastness.web.reports import report_routes
from fastness.web.static import StaticFiles

__all__ = [
    "ANONYMOUS",
    "EVERYBODY",
    "PEOPLE",
    "AccessMatrixError",
    "ObjectID",
    "Plain",
    "Sample",
    "Untested",
    "assert_matrix",
    "walk_matrix",
    "with_identity",
    "with_password",
    "with_session",
]


class AccessMatrixError(AssertionError):
    """Somebody got what they should not, or the samples do not prove that they did not."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"{len(problems)} in the access matrix:\n\n" + "\n\n".join(problems))
        self.problems = tuple(problems)


async def assert_matrix(
    app: Fastness,
    *,
    people: Mapping[str, SignIn],
    samples: Mapping[str, Declaration],
    server: str | None = None,
    origin: str = "https://localhost",
) -> None:
    """Walk the matrix, and raise `AccessMatrixError` with everything that is wrong.

    Args:
        app: the app, opened.
        people: who there is, by names of the test's own, with what signs each in: `with_password(…)`, `with_session(…)`, or
            any coroutine function of the browser. One of them must have no role and no permission.
        samples: what each route is tried with, by "METHOD /path/{as:declared}" or by the route's name.
        server: the address of a running server to send the requests to. It has the app's secret key and its store.
        origin: scheme, host and port under which the app is visited in this process.
    """
    __tracebackhide__ = True
    problems = await walk_matrix(app, people=people, samples=samples, server=server, origin=origin)
    if problems:
        raise AccessMatrixError(problems)


async def walk_matrix(
    app: Fastness,
    *,
    people: Mapping[str, SignIn],
    samples: Mapping[str, Declaration],
    server: str | None = None,
    origin: str = "https://localhost",
) -> list[str]:
    """The same, and return what is wrong."""
    problems = [
        f"{name!r} stands for somebody else; give the person another name." for name in EVERYBODY & people.keys()
    ]
    targets = list(targets_of(app))
    declared, undeclared = assign(targets, samples)
    async with AsyncExitStack() as stack:
        browsers = {
            name: await stack.enter_async_context(Browser(app if server is None else server, origin=origin))
            for name in (ANONYMOUS, *people)
        }
        identities, found = await sign_everybody_in(app, browsers, people)
        problems += found or missing_kinds(identities.values(), targets)
        if problems:
            # Somebody who is not signed in is refused everywhere: that would read like a proof.
            return problems + undeclared
        walk = Walk(app, browsers, identities, is_remote=server is not None)
        for target in targets:
            for make in declared[target.key]:
                problems += await walk.try_route(target, make)
    return problems + undeclared


def targets_of(app: Fastness) -> Iterator[Target]:
    """Every route of the app's own, once for each method. HEAD is answered by what answers GET."""
    own = {one.endpoint for group in (*ACCOUNT_ROUTES, report_routes, debug_routes) for one in group.declared()}
    for route in app.routes:
        if route.kind == "http" and (
            route.endpoint in own or isinstance(getattr(route.endpoint, "__self__", None), StaticFiles)
        ):
            continue
        if route.methods == {"OPTIONS"} and getattr(route.endpoint, "answers_preflight", False):
            continue  # a mounted app's list of the origins it shares with: no handler answers it
        if route.kind in {"websocket", "websocket-asgi"}:
            yield Target(route=route, method="WEBSOCKET")
        elif not route.methods:
            yield Target(route=route, method="any")
        for method in sorted(route.methods - {"HEAD"} if "GET" in route.methods else route.methods):
            yield Target(route=route, method=method)


def assign(
    targets: Sequence[Target], samples: Mapping[str, Declaration]
) -> tuple[dict[str, list[SampleMaker]], list[str]]:
    """What each route is tried with, and what is missing or too much."""
    names = [target.route.name for target in targets]
    known = {target.key for target in targets} | {name for name in names if names.count(name) == 1}
    problems = [
        f"{key!r}: no route is called so, or several are. Write it as the route is declared: 'GET /cases/{{case_id:uuid}}'."
        for key in samples
        if key not in known
    ]
    declared: dict[str, list[SampleMaker]] = {}
    for target in targets:
        found = samples.get(target.key)
        if found is None and names.count(target.route.name) == 1:
            found = samples.get(target.route.name)
        if found is None:
            problems.append(advice(target))
        makers: list[SampleMaker] = []
        if found is not None and not isinstance(found, Untested):
            makers = [maker_of(one) for one in (found if isinstance(found, Sequence) else [found])]
            if not makers:
                problems.append(advice(target))
        # Two routes of one address: the second is never asked, and has its sample all the same.
        declared[target.key] = makers
    return declared, problems


def maker_of(declared: Sample | SampleMaker) -> SampleMaker:
    """Something that gives the sample, whichever way it was declared."""
    if not isinstance(declared, Sample):
        return declared

    async def make() -> Sample:
        return declared

    return make


def advice(target: Target) -> str:
    """What to write for a route that nobody has spoken of."""
    params = ", ".join(f'"{name}": ObjectID(mine, theirs)' for name in target.route.convertors)
    parts = ['owner="…"', *(['other="…"', f"params={{{params}}}"] if params else [])]
    if target.method in {"POST", "PUT", "PATCH"}:
        parts.append("form={…}")
    return (
        f"{target.key} ({target.route.name}, {target.route.where}) is in nobody's matrix. Say who may and who may not:\n"
        f'    "{target.key}": Sample({", ".join(parts)}),\n'
        "  everybody who is signed in: Sample(…, allowed=PEOPLE); everybody: Sample(owner=ANONYMOUS, allowed=EVERYBODY, …);\n"
        '  not to be tried: Untested(Because("…"))'
    )


async def sign_everybody_in(
    app: Fastness, browsers: Mapping[str, Browser], people: Mapping[str, SignIn]
) -> tuple[dict[str, Identity], list[str]]:
    """Sign all in, and see by the app's own store that they are."""
    identities: dict[str, Identity] = {}
    problems: list[str] = []
    for name, sign_in in people.items():
        await sign_in(browsers[name])
        identity = await identity_in(app, browsers[name])
        if identity is None:
            problems.append(f"{name} could not be signed in: there is no session of theirs in the store.")
        else:
            identities[name] = identity
    return identities, problems


def missing_kinds(identities: Collection[Identity], targets: Sequence[Target]) -> list[str]:
    """Which kinds of people the rules tell apart, and nobody here is."""
    problems: list[str] = []
    if all(identity.roles or identity.permissions for identity in identities):
        problems.append("Nobody among the people is a stranger: add somebody without any role or permission.")
    roles, permissions = names_in(target.route.access for target in targets)
    missing_roles = roles.difference(*(identity.roles for identity in identities))
    missing_permissions = permissions.difference(*(identity.permissions for identity in identities))
    problems += [
        f"Nobody among the people has the role {name!r}, which a rule names." for name in sorted(missing_roles)
    ]
    problems += [
        f"Nobody among the people holds the permission {name!r}, which a rule names."
        for name in sorted(missing_permissions)
    ]
    return problems
