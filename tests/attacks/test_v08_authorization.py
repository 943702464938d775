"""V8, authorization: the matched route's rule decides, whatever is done to the request's spelling."""

import pytest

from tests.attacks.wire import request


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
