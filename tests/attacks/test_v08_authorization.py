"""V8, authorization: the matched route's rule decides, whatever is done to the request's spelling."""

import asyncio
import uuid

import pytest

from fastness import Because
from fastness.auth.roles import find_role
from fastness.auth.users import find_user
from tests.attacks.site import COOKIE, operating
from tests.attacks.target import TargetPermissions
from tests.attacks.wire import request

OPERATOR = Because("an operator of the tests")
PASSWORD = "only here for an hour"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(request("GET /private"), 401, id="program"),
        pytest.param(request("HEAD /private"), 401, id="head"),
        pytest.param(request("GET /private", "Authorization: Basic YWRhOmFkYQ=="), 401, id="basic"),
        pytest.param(request("GET /private", "Authorization: Bearer a.b.c"), 401, id="bearer"),
        pytest.param(request("GET /private", "Accept: text/html", "Sec-Fetch-Mode: navigate"), 303, id="page"),
        pytest.param(request("GET /staff", "Accept: application/json"), 401, id="role"),
    ],
)
def test_v8_2_1_v8_3_1_v16_3_2_nobody_gets_in_and_it_is_recorded(any_site, sent, status):
    with any_site.records("authz_fail", "not_signed_in"):
        answer = any_site.send(sent, method=sent.split(b" ")[0].decode())
    assert answer.status == status
    assert b"only" not in answer.body
    assert answer.header("cache-control") == "no-store"


async def test_v8_2_1_somebody_without_the_role_does_not_get_in(any_site):
    async with any_site.signed_in() as browser:
        with any_site.records("authz_fail", "no_role") as events:
            page = await browser.open("/staff")
    assert page.status == 403
    assert events[0]["user_id"]
    assert events[0]["route"] == "staff"


@pytest.mark.parametrize(
    "line",
    [
        "GET /private/",
        "GET /PRIVATE",
        "GET /Private",
        "GET //private",
        "GET /./private",
        "GET /x/../private",
        "GET /private%00",
        "GET /private%20",
        "GET /private%2f",
        "GET /private;a=1",
        "GET /private.json",
        "GET /private?.css",
        "GET /private%3f.css",
        "GET /private%23",
        "GET /%70rivate",
        "GET /private/x.css",
        "GET /static/../private",
        "GET /static/%2e%2e/private",
        "GET /paths/..%2fprivate",
        "GET http://localhost/private",
        "OPTIONS /private",
        "POST /private",
    ],
)
@pytest.mark.parametrize("header", ["X-Original-URL: /private", "X-HTTP-Method-Override: GET", "X-Forwarded-For: ::1"])
def test_v8_3_1_no_spelling_leads_round_the_rule(any_site, line, header):
    answer = any_site.send(request(line, header, "Content-Length: 0"))
    assert answer.status in {308, 400, 401, 404, 405}
    assert b"only" not in answer.body
    assert answer.header("location") in {None, "/private"}


def test_v8_2_2_v16_5_1_a_refusal_does_not_tell_what_the_rule_is(any_site):
    answer = any_site.send(request("GET /staff"))
    assert not [word for word in (b"staff", b"role", b"not_signed_in") if word in answer.body]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param([], 403, id="no-token"),
        pytest.param(["X-CSRF-Token: a"], 403, id="made-up"),
    ],
)
def test_v3_5_1_a_route_for_everybody_may_still_ask_for_the_token(site, headers, status):
    sent = request("POST /always", "Content-Type: application/json", *headers, body=b"{}")
    with site.records("csrf_fail"):
        assert site.send(sent).status == status


# Roles change while the servers run. Each asks with the cookie of one session, which a change that gives more renews.


class Guest:
    """Somebody signed in, and the operator's hands on what they hold."""

    def __init__(self, app, name, cookie):
        self.app, self.name, self.cookie = app, name, cookie

    async def change(self, change):
        services = self.app.services
        async with services.open_unit(is_read_only=False) as unit:
            user = await find_user(unit.session, self.name)
            await change(services.roles, unit.session, user)

    async def ask(self, site, path):
        """The status, of a browser of its own with the cookie that the last answer left."""
        async with site.browser() as browser:
            answer = await browser.fetch(path, headers={"cookie": f"{COOKIE}={self.cookie}"})
            if COOKIE in browser.cookies:
                self.cookie = browser.cookies[COOKIE].value
        return answer.status


@pytest.fixture
async def guest(site, neighbour):
    """A new person with a role of their own, `role`, that permits to read the ledger."""
    name = f"guest-{uuid.uuid4().hex[:8]}"
    async with operating(site) as app:
        services = app.services
        async with services.open_unit(is_read_only=False) as unit:
            user = await services.accounts.create_user(unit.session, username=name, password=PASSWORD)
            role = await services.roles.create_role(
                unit.session, name, by=OPERATOR, permissions=[TargetPermissions.READ_LEDGER]
            )
            await services.roles.grant_role(unit.session, role, to=user, by=OPERATOR)
        async with site.browser() as browser:
            await browser.sign_in(name, PASSWORD)
            yield Guest(app, name, browser.cookies[COOKIE].value)


async def role_of(db, user):
    role = await find_role(db, user.username)
    assert role is not None
    return role


async def revoke(roles, db, user):
    await roles.revoke_role(db, await role_of(db, user), of=user, by=OPERATOR)


async def grant(roles, db, user):
    await roles.grant_role(db, await role_of(db, user), to=user, by=OPERATOR)


async def empty(roles, db, user):
    await roles.set_permissions(db, await role_of(db, user), [], by=OPERATOR)


async def delete(roles, db, user):
    await roles.delete_role(db, await role_of(db, user), by=OPERATOR)


async def delete_and_make_again(roles, db, user):
    await roles.delete_role(db, await role_of(db, user), by=OPERATOR)
    await roles.create_role(db, user.username, by=OPERATOR, permissions=[TargetPermissions.READ_LEDGER])


async def promote(roles, db, user):
    await roles.grant_role(db, await roles.superuser_role(db), to=user, by=OPERATOR)


async def demote(roles, db, user):
    superuser = await roles.superuser_role(db)
    await roles.revoke_role(db, superuser, of=user, by=OPERATOR, insecure_without_superuser=OPERATOR)


@pytest.mark.parametrize("change", [revoke, empty, delete, delete_and_make_again])
@pytest.mark.parametrize("is_neighbour_first", [False, True])
async def test_v8_3_2_what_is_taken_away_is_gone_with_the_next_request_of_every_process(
    site, neighbour, guest, change, is_neighbour_first
):
    servers = [neighbour, site] if is_neighbour_first else [site, neighbour]
    assert [await guest.ask(one, "/ledger") for one in servers] == [200, 200]
    await guest.change(change)
    assert [await guest.ask(one, "/ledger") for one in servers] == [403, 403]


async def test_v8_3_2_what_is_given_is_there_with_the_next_request_of_every_process(site, neighbour, guest):
    assert [await guest.ask(one, "/vault") for one in (site, neighbour)] == [404, 404]
    former = guest.cookie
    await guest.change(promote)
    with site.records("authz_admin", "superuser"):
        assert await guest.ask(neighbour, "/vault") == 200
    # More rights, another id: whoever knew the old one has nothing.
    assert guest.cookie != former
    assert await guest.ask(site, "/vault") == 200
    await guest.change(demote)
    assert [await guest.ask(one, "/vault") for one in (neighbour, site)] == [404, 404]
    assert await guest.ask(site, "/ledger") == 200


async def test_v8_3_2_v15_4_2_requests_during_a_revocation_keep_nothing(site, neighbour, guest):
    """Each of them may see the role or not; once the revocation is done, none does, whatever they stored."""
    is_done = asyncio.Event()

    async def hammer(server):
        while not is_done.is_set():
            assert await guest.ask(server, "/ledger") in {200, 403}

    async with asyncio.TaskGroup() as tasks:
        for server in (site, neighbour, site, neighbour):
            tasks.create_task(hammer(server))
        try:
            for _ in range(3):
                await guest.change(revoke)
                assert [await guest.ask(one, "/ledger") for one in (site, neighbour)] == [403, 403]
                await guest.change(empty)
                await guest.change(revoke)
        finally:
            is_done.set()
    assert [await guest.ask(one, "/ledger") for one in (neighbour, site)] == [403, 403]


async def test_v16_3_3_a_change_of_what_somebody_may_is_recorded_with_its_reason(site, guest, caplog):
    with caplog.at_level("INFO", logger="fastness.security"):
        await guest.change(revoke)
    assert [line for line in caplog.messages if '"authz_change"' in line and OPERATOR.text in line]


def test_v8_2_2_what_is_hidden_answers_like_nothing(any_site):
    for line in ("GET /vault", "POST /vault", "OPTIONS /vault", "GET /vault/"):
        hidden, nothing = (
            any_site.send(request(sent, "Content-Length: 0"), method=sent.partition(" ")[0])
            for sent in (line, line.replace("vault", "cellar"))
        )
        assert hidden.status == nothing.status == 404
        names = [[name for name, _ in answer.headers] for answer in (hidden, nothing)]
        assert names[0] == names[1]
        assert len(hidden.body) == len(nothing.body)
