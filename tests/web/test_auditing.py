"""A response waits for the events of its own request, and is not given where they cannot be kept."""

import asyncio
import json

import pytest
from sqlalchemy import select

from fastness import Routes, access
from fastness.auditlog.errors import AuditUnavailableError
from fastness.auditlog.verifying import verify
from fastness.auth.aftercommit import emit_after_commit
from fastness.kernel.events import EventName, SecurityEvent
from fastness.web.recording import record

routes = Routes()


@routes.get("/quiet", access=access.public)
async def quiet(request):
    from fastness import JSONResponse

    return JSONResponse({"ok": True})


@routes.post("/quiet", access=access.public, name="quiet_post")
async def quiet_post(request):
    from fastness import JSONResponse

    return JSONResponse({"ok": True})


@routes.get("/serious", access=access.public)
async def serious(request):
    from fastness import JSONResponse

    record(request.exchange, EventName.AUTHZ_CHANGE, "told")
    response = JSONResponse({"ok": True})
    request.exchange.add_response_header(b"set-cookie", b"a=b")
    return response


@routes.get("/harmless", access=access.public)
async def harmless(request):
    from fastness import JSONResponse

    record(request.exchange, EventName.CSP_VIOLATION, "told")
    return JSONResponse({"ok": True})


@routes.post("/write", access=access.public)
async def write(request):
    """Its event comes with the commit, which runs in a task of its own."""
    from fastness import JSONResponse

    created = SecurityEvent(name=EventName.USER_CREATED, at=request.site.clock.now(), reason="committed")
    await request.db.execute(select(1))
    emit_after_commit(request.db, request.site.events, created)
    return JSONResponse({"ok": True})


@pytest.fixture
async def shop(make_shop):
    return await make_shop(routes)


@pytest.fixture
def away(shop, monkeypatch):
    """The audit log takes nothing: neither the table nor the spool."""
    audit = shop.app.services.audit

    async def append(entries, *, is_repeated):
        message = "away"
        raise AuditUnavailableError(message)

    def write(entries):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audit.ledger, "append", append)
    monkeypatch.setattr(audit.spool, "write", write)
    yield audit
    monkeypatch.undo()


async def kept(shop):
    return [json.loads(row.body)["event"] for row in await shop.app.services.audit.ledger.page(0, 1000)]


async def test_an_event_of_the_commit_is_kept_before_the_response(shop, browse, monkeypatch):
    """The commit runs in a task of its own, which a client that hangs up does not cancel."""
    ledger = shop.app.services.audit.ledger
    append, has_begun, may_end = ledger.append, asyncio.Event(), asyncio.Event()

    async def slowly(entries, *, is_repeated):
        has_begun.set()
        await may_end.wait()
        return await append(entries, is_repeated=is_repeated)

    await shop.app.services.audit.flush()
    monkeypatch.setattr(ledger, "append", slowly)
    request = asyncio.create_task(browse(shop).fetch("/write", "POST"))
    await has_begun.wait()
    for _ in range(200):
        await asyncio.sleep(0)
    assert not request.done()
    may_end.set()
    assert (await request).status == 200
    assert "user_created" in await kept(shop)


async def test_the_start_and_a_request_are_in_the_audit_log(shop, browse):
    assert (await browse(shop).fetch("/serious")).status == 200
    assert await kept(shop) == ["sys_startup", "authz_change"]
    assert "authz_change" in shop.names()
    audit = shop.app.services.audit
    assert (await verify(audit.ledger, shop.app.settings.keyring)).is_whole


async def test_the_event_is_kept_before_the_response_starts(shop):
    audit = shop.app.services.audit
    seen = []

    async def send(message):
        if message["type"] == "http.response.start":
            seen.append((dict(audit.marks), await kept(shop)))

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/serious",
        "raw_path": b"/serious",
        "query_string": b"",
        "headers": [(b"host", b"shop.example")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 443),
    }
    await shop.app(scope, receive, send)
    assert seen == [({}, ["sys_startup", "authz_change"])]


async def test_what_belongs_to_rights_is_not_acknowledged_without_its_event(shop, browse, away):
    answer = await browse(shop).fetch("/serious")
    assert answer.status == 503
    assert "set-cookie" not in answer.headers
    assert "authz_change" in shop.names(), "the line is there all the same"


async def test_what_does_not_is_answered(shop, browse, away):
    assert (await browse(shop).fetch("/harmless")).status == 200


async def test_nothing_is_changed_while_the_log_is_known_to_take_nothing(shop, browse, away):
    browser = browse(shop)
    assert (await browser.fetch("/quiet", method="POST")).status == 200
    await browser.fetch("/serious")
    assert away.is_broken
    assert (await browser.fetch("/quiet", method="POST")).status == 503
    assert (await browser.fetch("/quiet")).status == 200


async def test_it_goes_on_when_the_log_does(shop, browse, away, monkeypatch):
    browser = browse(shop)
    await browser.fetch("/serious")
    monkeypatch.undo()
    await away.flush()
    assert (await browser.fetch("/quiet", method="POST")).status == 200
    assert (await browser.fetch("/serious")).status == 200
    assert (await kept(shop)).count("authz_change") == 2, "nothing was lost meanwhile"


async def test_without_an_audit_log_there_are_the_lines(make_shop, browse):
    from fastness.auditlog.rules import AuditRules

    shop = await make_shop(routes, settings={"audit": AuditRules(url="off")})
    assert shop.app.services.audit is None
    assert (await browse(shop).fetch("/serious")).status == 200
    assert shop.names() == ["authz_change"]


async def test_an_app_does_not_start_whose_audit_log_cannot_be_written(make_shop, tmp_path):
    (tmp_path / "audit.sqlite3").mkdir()
    with pytest.raises(AuditUnavailableError):
        await make_shop(routes)
