"""V16, logging and errors: what is written about each thing that happens, what never is, and what a failure leaves behind."""

import json
import logging
import re
import time
import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column

from fastness import JSONResponse, Model, Routes, access
from fastness.auth.callers import Caller
from fastness.auth.totp import STEP_SECONDS, code_at, new_secret
from fastness.kernel.events import EventName, SecurityEvent
from fastness.kernel.logs import JSONFormatter
from fastness.web import pipeline
from fastness.web.rates import per_minute
from tests.accounts.conftest import PASSWORD
from tests.web.conftest import browse, clock, make_shop, migrated

__all__ = ["browse", "clock", "make_shop", "migrated"]

CANARY = "canary-7b1f-of-the-exception"


class LoggedEntry(Model):
    __tablename__ = "asvs_logged_entries"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    text: Mapped[str] = mapped_column(default="")


@pytest.fixture
def routes():
    routes = Routes()

    @routes.get("/", access=access.public)
    async def home(request):
        user = request.user_or_none
        return JSONResponse(user and user.username)

    @routes.get("/mine", access=access.signed_in)
    async def mine(request):
        return JSONResponse("mine")

    @routes.get("/editors", access=access.role("editors"))
    async def editors(request):
        return JSONResponse("editors")

    @routes.get("/proved", access=access.second_factor)
    async def proved(request):
        return JSONResponse("proved")

    @routes.get("/near", access=access.network("10.0.0.0/8"))
    async def near(request):
        return JSONResponse("near")

    @routes.post("/entries", access=access.public)
    async def add(request):
        request.db.add(LoggedEntry(text="kept"))
        return JSONResponse("added")

    @routes.post("/json", access=access.public)
    async def read(request):
        return JSONResponse(await request.json())

    @routes.post("/form", access=access.signed_in)
    async def form(request):
        return JSONResponse("form")

    @routes.get("/seldom", access=access.public, rate=per_minute(1))
    async def seldom(request):
        return JSONResponse("seldom")

    @routes.get("/fails", access=access.public)
    async def fails(request):
        raise RuntimeError(f"{CANARY}: no such table: fastness_users")

    return routes


@pytest.fixture
async def shop(make_shop, migrated, routes):
    shop = await make_shop(routes)
    async with shop.app.services.database.write.begin() as connection:
        await connection.run_sync(LoggedEntry.__table__.create)
    return shop


@pytest.fixture
async def ada(shop):
    async with shop.app.services.open_unit(is_read_only=False) as unit:
        user = await shop.app.services.accounts.create_user(unit.session, username="ada", password=PASSWORD)
    shop.clock.advance(60)
    shop.events.events.clear()
    return user


async def tour(shop, browse):
    """Something of everything: signed out, refused, signed in, refused otherwise, failed."""
    async with browse(shop) as browser:
        await browser.fetch("/mine")
        await browser.sign_in("ada", "a wrong but long password")
        await browser.sign_in("ada", PASSWORD)
        await browser.fetch("/editors")
        await browser.fetch("/fails")
        await browser.from_site("https://evil.example", "/entries", fields={"text": "x"})
        await browser.fetch("/json", "POST", content=b'{"a": 1, "a": 2}', headers={"content-type": "application/json"})
        cookie = browser.cookies["__Host-session"].value
        await browser.fetch("/account/sign-out", "POST")
        return cookie


async def test_v16_2_1_each_event_of_a_request_says_when_where_who_and_what(shop, browse, ada):
    await tour(shop, browse)
    events = [json.loads(event.to_json()) for event in shop.events.events]
    assert len(events) >= 7
    for event in events:
        assert event["event"] in set(EventName)
        assert re.fullmatch(r"2026-11-22T12:0\d:\d\d\.\d{3}Z", event["at"])
        assert event["reason"]
        assert re.fullmatch(r"[0-9a-f]{32}", event["request_id"])
        assert (event["client_ip"], event["method"]) in {("127.0.0.1", "GET"), ("127.0.0.1", "POST")}
        assert event["route"]
    by_ada = [event for event in events if event.get("user_id") == str(ada.id)]
    assert {"authz_fail", "authn_login_success", "authn_login_fail", "session_created"} <= {
        event["event"] for event in by_ada
    }


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns", "UTC"])
def test_v16_2_2_times_are_utc_wherever_the_server_stands(monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        moment = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
        local = moment.astimezone()
        event = SecurityEvent(name=EventName.AUTHZ_FAIL, at=local, reason="x")
        assert json.loads(event.to_json())["at"] == "2026-07-01T12:00:00.000Z"
        record = logging.makeLogRecord({"created": moment.timestamp(), "msg": "x", "levelname": "INFO"})
        assert json.loads(JSONFormatter().format(record))["at"] == "2026-07-01T12:00:00.000Z"
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


async def test_v16_2_4_every_line_is_json_with_the_same_fields(shop, browse, ada, caplog):
    caplog.set_level(logging.DEBUG)
    await tour(shop, browse)
    for event in shop.events.events:
        logging.getLogger("fastness.security").warning("%s", event.to_json())
    assert len(caplog.records) > 8
    for record in caplog.records:
        line = JSONFormatter().format(record)
        fields = json.loads(line)
        assert "\n" not in line
        assert {"at", "level", "logger"} <= fields.keys()
        assert fields["level"] in {"debug", "info", "warning", "error", "critical"}
        assert ("event" in fields) is (record.name == "fastness.security")


async def test_v16_2_5_no_secret_is_in_any_record(shop, browse, ada, caplog):
    caplog.set_level(logging.INFO)
    cookie = await tour(shop, browse)
    async with browse(shop) as browser:
        headers = {"cookie": f"__Host-session={'B' * 43}", "authorization": "Bearer top-secret-bearer"}
        await browser.fetch("/mine", headers=headers)
    logging.getLogger("app").info("%(password)s", {"password": "hunter2"})
    logging.getLogger("app").info("by name", extra={"api_key": "hunter2", "session_id": "hunter2"})
    noted = SecurityEvent(name=EventName.AUTHZ_FAIL, at=shop.clock.now(), reason="x", detail={"token": "hunter2"})
    lines = [JSONFormatter().format(record) for record in caplog.records]
    written = "\n".join([*lines, *(event.to_json() for event in [*shop.events.events, noted])])
    for secret in (PASSWORD, "a wrong but long", cookie, "B" * 43, "top-secret-bearer", "hunter2"):
        assert secret not in written


FAILED, DONE = "authn_login_fail", "authn_login_success"


@pytest.mark.parametrize(
    ("username", "password", "expected"),
    [
        pytest.param("ada", PASSWORD, (DONE, "success"), id="right"),
        pytest.param("ada", "a wrong but long password", (FAILED, "wrong"), id="wrong"),
        pytest.param("nobody", PASSWORD, (FAILED, "unknown_user"), id="unknown"),
        pytest.param("ada", "x" * 5_000, (FAILED, "impossible"), id="too-long"),
        pytest.param("closed", PASSWORD, (FAILED, "inactive"), id="closed"),
        pytest.param("bare", PASSWORD, (FAILED, "passwordless"), id="without-a-password"),
    ],
)
async def test_v16_3_1_every_end_of_a_sign_in_is_an_event(shop, ada, username, password, expected):
    services = shop.app.services
    async with services.open_unit(is_read_only=False) as unit:
        await services.accounts.create_user(unit.session, username="bare", password=None)
        closed = await services.accounts.create_user(unit.session, username="closed", password=PASSWORD)
        closed.is_active = False
    shop.events.events.clear()
    await services.login.attempt(username=username, password=password)
    assert [(event.name, event.reason) for event in shop.events.events] == [expected]


async def test_v16_3_1_the_factor_that_was_used_is_named(shop, ada):
    factors, secret = shop.app.services.factors, new_secret()
    step = int(shop.clock.epoch() // STEP_SECONDS)
    codes = (await factors.add_totp(ada.id, secret, code_at(secret, step))).recovery_codes
    shop.events.events.clear()
    await factors.prove_totp(ada.id, "000000", caller=Caller(client_ip="192.0.2.7"))
    await factors.prove_recovery_code(ada.id, "wrong", caller=Caller(client_ip="192.0.2.7"))
    await factors.prove_passkey(None, challenge=b"", text="{}", user_id=ada.id, caller=Caller(client_ip="192.0.2.7"))
    await factors.remove_totp(ada.id, is_needed=False)
    told = [(event.name.value, event.detail.get("factor")) for event in shop.events.events]
    assert told == [(FAILED, "totp"), (FAILED, "recovery_code"), (FAILED, "passkey"), ("user_updated", "totp")]
    assert codes


@pytest.mark.parametrize(
    ("path", "is_signed_in", "reason"),
    [
        pytest.param("/mine", False, "not_signed_in", id="nobody"),
        pytest.param("/editors", True, "no_role", id="role"),
        pytest.param("/proved", True, "no_second_factor", id="second-factor"),
        pytest.param("/near", True, "network", id="network"),
    ],
)
async def test_v16_3_2_each_denial_is_an_event_with_its_reason(shop, browse, ada, path, is_signed_in, reason):
    async with browse(shop) as browser:
        if is_signed_in:
            await browser.sign_in("ada", PASSWORD)
        await browser.fetch(path)
    [event] = [event for event in shop.events.events if event.name is EventName.AUTHZ_FAIL]
    assert (event.reason, event.user_id) == (reason, str(ada.id) if is_signed_in else "")


async def test_v16_3_3_what_goes_round_a_control_is_an_event(shop, browse, ada):
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        await browser.from_site("https://evil.example", "/entries", fields={})
        await browser.from_site(browser.origin, "/form", fields={"csrf_token": "forged"})
        await browser.raw("GET", "/", headers={"host": "evil.example"})
        await browser.raw("GET", "/", headers={"cookie": f"__Host-session={'C' * 43}"})
        await browser.fetch("/json", "POST", content=b"{", headers={"content-type": "application/json"})
        await browser.fetch("/json", "POST", content=b"[" * 3_000_000, headers={"content-type": "application/json"})
        await browser.fetch("/seldom")
        await browser.fetch("/seldom")
        for _ in range(12):
            await browser.raw("POST", "/account/sign-in", data={"username": "x", "password": "y" * 16})
    assert {
        "malicious_cors",
        "csrf_fail",
        "host_fail",
        "session_rejected",
        "input_validation_fail",
        "excess_rate_limit_exceeded",
    } <= set(shop.names())


async def test_v16_3_4_a_failure_and_a_missing_store_are_logged(shop, browse, caplog):
    async with browse(shop) as browser:
        await browser.fetch("/fails")
        await shop.app.services.store.close()
        await browser.raw("GET", "/mine", headers={"cookie": f"__Host-session={'C' * 43}"})
    assert {"sys_crash", "store_unavailable"} <= set(shop.names())
    lines = [json.loads(JSONFormatter().format(record)) for record in caplog.records if record.levelno >= logging.ERROR]
    crash = next(line for line in lines if "exception" in line)
    assert CANARY in crash["exception"]["traceback"]
    assert crash["request_id"] in {event.request_id for event in shop.events.events}


@pytest.mark.parametrize("accept", ["text/html", "application/json", "*/*"])
async def test_v16_5_1_an_answer_tells_nothing_of_a_failure(shop, browse, accept):
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/fails", headers={"accept": accept})
    assert page.status == 500
    for word in (CANARY, "fastness_users", "RuntimeError", "Traceback", ".py", "secret"):
        assert word not in page.text
    assert all(CANARY not in value for value in page.headers.values())


class Failing:
    """Stands where a gate stands, and fails as it would."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        raise RuntimeError(CANARY)


class Asleep(Failing):
    """Stands where a gate stands, and does nothing of its work."""

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


# Without the outermost two, headers and errors, which answer for the others.
GATES = range(2, len(pipeline.STAGES))


@pytest.mark.parametrize("broken", [Failing, Asleep])
@pytest.mark.parametrize("number", GATES)
async def test_v16_5_3_a_gate_that_fails_or_sleeps_closes_the_site(make_shop, monkeypatch, browse, number, broken):
    made, ran = [], []
    make_stage = pipeline.STAGES[number]

    def make_broken(app, plan):
        stage = make_stage(app, plan)
        if stage is app:
            return app  # Not there, as this app is set up.
        made.append(type(stage).__name__)
        return broken(app)

    stages = (*pipeline.STAGES[:number], make_broken, *pipeline.STAGES[number + 1 :])
    monkeypatch.setattr(pipeline, "STAGES", stages)
    routes = Routes()

    @routes.post("/entries", access=access.public, rate=per_minute(60))
    async def add(request):
        ran.append("add")
        return JSONResponse("added")

    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch("/entries", "POST")
    # Those that answer a load balancer and choose a language decide nothing: without them there is no hole.
    if made and not (made[0] in {"HealthStage", "LanguageStage"} and broken is Asleep):
        assert (page.status >= 400, ran) == (True, [])


async def test_v16_5_3_what_failed_wrote_nothing(shop, browse, monkeypatch):
    async with browse(shop) as browser:
        monkeypatch.setattr(LoggedEntry, "__init__", lambda self, **values: (_ for _ in ()).throw(RuntimeError(CANARY)))
        assert (await browser.fetch("/entries", "POST")).status == 500
    async with shop.app.services.open_unit(is_read_only=True) as unit:
        assert await unit.session.scalar(select(func.count()).select_from(LoggedEntry)) == 0


async def test_v16_5_4_after_failures_of_every_kind_it_still_serves(shop, browse, caplog):
    async with browse(shop) as browser:
        for _ in range(30):
            assert (await browser.fetch("/fails")).status == 500
        assert (await browser.fetch("/")).status == 200
    assert shop.names().count("sys_crash") == 30
    assert len([record for record in caplog.records if record.exc_info]) == 30
