"""V3, web frontend: other sites' pages, frames and links, and the headers by which browsers help."""

import json
from urllib.parse import quote

import pytest

from fastness.kernel.csrf import FIELD_NAME
from tests.attacks.site import COOKIE
from tests.attacks.target import PASSWORDS
from tests.attacks.wire import request

EVIL = "https://evil.example"
FORM = "application/x-www-form-urlencoded"


# Headers.

ANSWERS = [
    pytest.param(request("GET /"), 200, id="page"),
    pytest.param(request("GET /who"), 200, id="json"),
    pytest.param(request("GET /static/site.css"), 200, id="static-file"),
    pytest.param(request("GET /lax-app"), 200, id="careless-handler"),
    pytest.param(request("GET /go?to=/who"), 303, id="redirect"),
    pytest.param(request("GET /who/"), 308, id="other-slash"),
    pytest.param(request("GET /private"), 401, id="not-signed-in"),
    pytest.param(request("GET /nowhere"), 404, id="no-page"),
    pytest.param(request("POST /who", "Content-Length: 0"), 405, id="wrong-method"),
    pytest.param(request("TRACE /who"), 405, id="first-gate"),
    pytest.param(request("GET /who", host="evil.example"), 400, id="host"),
    pytest.param(request("GET //evil.example"), 400, id="path"),
    pytest.param(request("POST /notes", f"Origin: {EVIL}", "Content-Length: 0"), 403, id="cross-site"),
    pytest.param(request("POST /echo", "Content-Length: 3000000"), 413, id="body"),
    pytest.param(request("POST /write-then-fail", "Content-Length: 0"), 500, id="exception"),
    pytest.param(request("GET /-/health"), 200, id="health"),
]


@pytest.mark.parametrize(("sent", "status"), ANSWERS)
def test_v3_4_every_answer_leaves_with_the_headers(any_site, sent, status):
    answer = any_site.send(sent)
    assert answer.status == status
    assert {name: answer.all(name) for name in ("x-frame-options", "x-content-type-options", "referrer-policy")} == {
        "x-frame-options": ["DENY"],
        "x-content-type-options": ["nosniff"],
        "referrer-policy": ["same-origin"],
    }
    assert answer.all("cross-origin-opener-policy") == answer.all("cross-origin-resource-policy") == ["same-origin"]
    (policy,) = answer.all("content-security-policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    is_page = str(answer.header("content-type")).startswith("text/html")
    assert bool(answer.header("permissions-policy")) == is_page
    assert not answer.header("server")
    assert answer.header("x-powered-by") is None
    assert answer.header("access-control-allow-origin") is None


def test_v3_4_6_a_route_may_be_framed_only_as_it_says(any_site):
    answer = any_site.send(request("GET /framed"))
    assert answer.header("x-frame-options") == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in str(answer.header("content-security-policy"))


def test_v3_2_1_data_is_no_page(any_site):
    answer = any_site.send(request("GET /who"))
    assert answer.header("content-security-policy") == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert answer.header("content-type") == "application/json"


def test_v3_4_3_each_page_has_a_nonce_of_its_own(any_site):
    policies = {str(any_site.send(request("GET /")).header("content-security-policy")) for _ in range(5)}
    assert len(policies) == 5
    assert all("'nonce-" in policy and "'strict-dynamic'" in policy for policy in policies)
    assert not any("unsafe-inline" in policy or "unsafe-eval" in policy for policy in policies)


async def test_v3_3_1_v3_3_2_v3_3_3_v3_3_4_the_cookies_flags(any_site):
    async with any_site.signed_in() as browser:
        cookies = dict(browser.cookies)
    assert {name: cookie.same_site for name, cookie in cookies.items()} == {
        "__Host-session": "lax",
        "__Host-device": "strict",
    }
    for cookie in cookies.values():
        assert cookie.attributes.keys() >= {"secure", "httponly"}
        assert cookie.attributes["path"] == "/"
        assert "domain" not in cookie.attributes


# Requests that another site's page sends.


@pytest.mark.parametrize(
    ("initiator", "content_type"),
    [
        pytest.param(EVIL, FORM, id="form"),
        pytest.param(EVIL, "text/plain", id="text-plain"),
        pytest.param(EVIL, "multipart/form-data; boundary=x", id="multipart"),
        pytest.param(EVIL, "", id="no-type"),
        pytest.param("https://localhost", FORM, id="another-scheme"),
        pytest.param("http://localhost:1", FORM, id="another-port"),
        pytest.param("http://evil.localhost", FORM, id="sibling-host"),
    ],
)
async def test_v3_5_1_a_form_of_another_site_changes_nothing(any_site, initiator, content_type):
    async with any_site.signed_in() as browser:
        before = (await browser.fetch("/notes/count")).json()
        session = f"{COOKIE}={browser.cookies[COOKIE].value}"
        # An attack needs the cookie. SameSite would keep it at home; here it comes along, as it does with an old browser.
        sent = {"cookie": session} | ({"content-type": content_type} if content_type else {})
        with any_site.records("malicious_cors", "sec_fetch_cross_site") as events:
            page = await browser.from_site(initiator, "/notes", content=b"text=forged", headers=sent)
        assert page.status == 403
        assert (await browser.fetch("/notes/count")).json() == before
    assert events[0]["route"] == "add_note"
    assert events[0]["client_ip"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("headers", "event", "reason"),
    [
        pytest.param({"origin": EVIL}, "malicious_cors", "origin_mismatch", id="other-origin"),
        pytest.param({"origin": "null"}, "malicious_cors", "origin_null", id="sandboxed-frame"),
        pytest.param({"origin": "http://localhost.evil.example"}, "malicious_cors", "origin_mismatch", id="look-alike"),
        pytest.param({"origin": "http://localhost@evil.example"}, "malicious_cors", "malformed_origin", id="userinfo"),
        pytest.param({"origin": "evil"}, "malicious_cors", "malformed_origin", id="no-origin"),
        pytest.param({"sec-fetch-site": "same-site"}, "malicious_cors", "sec_fetch_cross_site", id="same-site"),
        pytest.param(
            {"sec-fetch-site": "new-word"}, "malicious_cors", "sec_fetch_cross_site", id="a-word-nobody-knows"
        ),
        pytest.param({}, "csrf_fail", None, id="neither-header"),
    ],
)
async def test_v3_5_1_v3_5_2_an_old_browser_is_asked_for_more(site, headers, event, reason):
    async with site.signed_in() as browser:
        for content_type in (FORM, "text/plain", "application/json"):
            with site.records(event, reason):
                sent = {**headers, "content-type": content_type}
                page = await browser.raw("POST", "/notes", headers=sent, content=b"text=forged")
            assert page.status == 403


async def test_v3_5_1_signing_somebody_in_from_elsewhere_is_refused(any_site):
    fields = {"username": "eve", "password": PASSWORDS["eve"]}
    async with any_site.browser() as browser:
        with any_site.records("malicious_cors", "sec_fetch_cross_site"):
            page = await browser.from_site(EVIL, "/account/sign-in", fields=fields)
        assert page.status == 403
        assert browser.cookies == {}


async def test_v3_5_1_signing_somebody_out_from_elsewhere_is_refused(any_site):
    async with any_site.signed_in() as browser:
        headers = {"cookie": f"{COOKIE}={browser.cookies[COOKIE].value}"}
        with any_site.records("malicious_cors"):
            assert (await browser.from_site(EVIL, "/account/sign-out", headers=headers)).status == 403
        assert (await browser.fetch("/who")).json()["user"] == "ada"


def test_v3_5_2_a_preflight_is_never_granted(any_site):
    asked = ["Origin: https://evil.example", "Access-Control-Request-Method: POST"]
    answer = any_site.send(request("OPTIONS /notes", *asked))
    assert answer.status == 405
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


# Form tokens.


async def token_on(browser) -> str:
    page = await browser.open("/")
    return dict(page.form("/notes").fields)[FIELD_NAME]


async def post_note(browser, token, *, mode="cors"):
    """A form as a script of this site sends it; the browser vouches for the origin."""
    fields = ([f"{FIELD_NAME}={quote(token)}"] if token is not None else []) + ["text=a"]
    headers = {"content-type": FORM, "sec-fetch-mode": mode}
    return await browser.fetch("/notes", "POST", content="&".join(fields).encode(), headers=headers)


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        pytest.param(lambda token: None, "missing", id="missing"),
        pytest.param(lambda token: "", "missing", id="empty"),
        pytest.param(lambda token: "A" * len(token), "wrong", id="made-up"),
        pytest.param(lambda token: ("B" if token[0] == "A" else "A") + token[1:], "wrong", id="mask-changed"),
        pytest.param(lambda token: token[:-1] + ("B" if token[-1] == "A" else "A"), None, id="end-changed"),
        pytest.param(lambda token: token[:-4], "malformed", id="cut"),
        pytest.param(lambda token: token + token, "malformed", id="twice"),
        pytest.param(lambda token: "%00" + token, "malformed", id="nul"),
    ],
)
async def test_v3_5_1_a_forged_form_token(any_site, forge, reason):
    async with any_site.signed_in() as browser:
        token = await token_on(browser)
        before = (await browser.fetch("/notes/count")).json()
        with any_site.records("csrf_fail", f"csrf_token_{reason}" if reason else None):
            assert (await post_note(browser, forge(token))).status == 403
        assert (await browser.fetch("/notes/count")).json() == before
        with any_site.records_nothing():
            assert (await post_note(browser, token)).status == 303


async def test_v3_5_1_a_token_of_another_session(any_site):
    async with any_site.signed_in("eve") as eve:
        stolen = await token_on(eve)
    async with any_site.signed_in() as ada:
        with any_site.records("csrf_fail", "csrf_token_wrong"):
            assert (await post_note(ada, stolen)).status == 403


async def test_v3_5_1_a_token_from_before_the_sign_in(any_site):
    async with any_site.browser() as browser:
        early = await token_on(browser)
        await browser.sign_in("ada", PASSWORDS["ada"])
        with any_site.records("csrf_fail", "csrf_token_wrong"):
            assert (await post_note(browser, early)).status == 403


async def test_v3_5_1_a_token_does_not_outlive_its_session(site):
    async with site.signed_in() as browser:
        early = await token_on(browser)
        csrf = {"x-csrf-token": early}
        assert (await browser.fetch("/account/sign-out", "POST", headers=csrf)).status == 303
        await browser.sign_in("ada", PASSWORDS["ada"])
        with site.records("csrf_fail", "csrf_token_wrong"):
            assert (await post_note(browser, early)).status == 403


async def test_v3_5_1_a_form_from_before_the_sign_in_loses_nothing(any_site):
    """The page is open in one tab while its person signs in in another."""
    text = 'kept & "quoted" <b>'
    async with any_site.browser() as browser:
        form = (await browser.open("/")).form("/notes")
        await browser.sign_in("ada", PASSWORDS["ada"])
        with any_site.records("csrf_fail", "csrf_token_wrong"):
            page = await browser.submit(form, text=text)
        assert page.status == 403
        assert dict(page.form("/notes").fields)["text"] == text
        before = (await browser.fetch("/notes/count")).json()
        assert (await browser.submit("/notes")).status == 200
        assert (await browser.fetch("/notes/count")).json() == before + 1


async def test_v3_5_1_nobody_elses_page_can_fill_the_page_that_asks_again(any_site):
    async with any_site.signed_in() as browser:
        headers = {"cookie": f"{COOKIE}={browser.cookies[COOKIE].value}"}
        with any_site.records("malicious_cors"):
            page = await browser.from_site(EVIL, "/notes", fields={"text": "planted"}, headers=headers)
    assert page.status == 403
    assert "planted" not in page.text


# Safe methods.


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_v3_5_3_a_link_cannot_write(any_site, method):
    before = any_site.send(request("GET /notes/count")).body
    with any_site.records("read_only_fail", "read_only"):
        answer = any_site.send(request(f"{method} /write"), method=method)
    assert answer.status == 500
    assert b"insecure" not in answer.body
    assert any_site.send(request("GET /notes/count")).body == before


@pytest.mark.parametrize(
    "header",
    ["X-HTTP-Method-Override: POST", "X-HTTP-Method: POST", "X-Method-Override: POST", "X-Original-Method: POST"],
)
def test_v3_5_3_no_header_turns_a_get_into_a_post(site, header):
    assert site.send(request("GET /notes", header)).status == 405
    assert site.send(request("GET /notes?_method=POST", header)).status == 405


# Redirects.

TARGETS = [
    pytest.param("//evil.example", id="two-slashes"),
    pytest.param("///evil.example", id="three-slashes"),
    pytest.param("/\\evil.example", id="slash-backslash"),
    pytest.param("\\\\evil.example", id="two-backslashes"),
    pytest.param("\\/evil.example", id="backslash-slash"),
    pytest.param("https://evil.example/", id="absolute"),
    pytest.param("http:evil.example", id="no-slashes"),
    pytest.param("http:///evil.example", id="empty-host"),
    pytest.param("https://localhost@evil.example/", id="userinfo"),
    pytest.param("https://localhost:80@evil.example/", id="userinfo-with-port"),
    pytest.param("https://localhost\\@evil.example/", id="userinfo-behind-a-backslash"),
    pytest.param("https://evil.example#@localhost/", id="fragment"),
    pytest.param("https://evil.example?@localhost/", id="query"),
    pytest.param("https://localhost.evil.example/", id="look-alike"),
    pytest.param("/\t/evil.example", id="tab"),
    pytest.param("/\n/evil.example", id="line-feed"),
    pytest.param("/\r/evil.example", id="carriage-return"),
    pytest.param("\x01//evil.example", id="control-character-first"),
    pytest.param(" //evil.example", id="blank-first"),
    pytest.param("/\x00/evil.example", id="nul"),
    pytest.param("/\u2028/evil.example", id="line-separator"),
    pytest.param("https://evil。example/", id="ideographic-stop"),
    pytest.param("javascript:alert(1)", id="javascript"),
    pytest.param("JaVaScRiPt:alert(1)", id="javascript-in-any-case"),
    pytest.param("java\tscript:alert(1)", id="javascript-with-a-tab"),
    pytest.param("data:text/html,<script>alert(1)</script>", id="data"),
    pytest.param("vbscript:msgbox(1)", id="vbscript"),
    pytest.param("/" + "a" * 3000, id="long"),
]


@pytest.mark.parametrize("target", TARGETS)
def test_v3_7_2_a_redirect_stays_on_the_site(any_site, target):
    name = "redirect_fail" if "/" in target[:1] or "\\" in target[:1] or ":" in target else "sys_crash"
    with any_site.records(name):
        answer = any_site.send(request(f"GET /go?to={quote(target, safe='')}"))
    assert answer.status in {400, 500}
    assert answer.header("location") is None
    assert b"evil" not in answer.body


@pytest.mark.parametrize("target", TARGETS)
async def test_v3_7_2_signing_in_leads_nowhere_else(site, target):
    async with site.browser() as browser:
        with site.records("redirect_fail"):
            page = await browser.open(f"/account/sign-in?next={quote(target, safe='')}")
        assert "evil" not in page.text
        assert "next" not in dict(page.form("/account/sign-in").fields)


async def test_v3_7_2_a_forged_field_leads_nowhere_else_either(any_site):
    async with any_site.browser() as browser:
        await browser.open("/account/sign-in")
        with any_site.records("redirect_fail"):
            await browser.submit(username="ada", password=PASSWORDS["ada"], next="//evil.example")
        # The test's browser fails by itself when it is sent to another origin.
        assert browser.page is not None
        assert browser.page.url == f"{any_site.address}/"


async def test_v3_7_2_an_address_of_the_site_is_where_it_leads(any_site):
    async with any_site.browser() as browser:
        await browser.open("/private?a=1")
        assert browser.page is not None
        assert browser.page.url.endswith("/account/sign-in?next=/private%3Fa%3D1")
        with any_site.records("authn_login_success"):
            page = await browser.submit(username="ada", password=PASSWORDS["ada"])
    assert page.url == f"{any_site.address}/private?a=1"


# Reports of the policy.


def report(**fields) -> bytes:
    return json.dumps(
        {"csp-report": {"effective-directive": "script-src-elem", "blocked-uri": "inline", **fields}}
    ).encode()


REPORT_TYPE = "Content-Type: application/csp-report"


def test_v3_4_7_a_report_is_an_event_without_addresses(site):
    page = "http://localhost/cases/secret-token?key=secret"
    with site.records("csp_violation") as events:
        answer = site.send(request("POST /-/csp-report", REPORT_TYPE, body=report(**{"document-uri": page})))
    assert answer.status == 204
    assert events[0]["detail"]["directive"] == "script-src-elem"
    assert "key=secret" not in json.dumps(events)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        pytest.param(REPORT_TYPE, b"{", 400, id="no-json"),
        pytest.param("Content-Type: text/html", report(), 400, id="another-type"),
        pytest.param(REPORT_TYPE, b'{"csp-report":"' + b"a" * 20_000 + b'"}', 413, id="large"),
        pytest.param(
            REPORT_TYPE, report(**{"blocked-uri": "http://[", "document-uri": "http://["}), 204, id="no-address"
        ),
        pytest.param(REPORT_TYPE, b"[[[]]]", 204, id="another-shape"),
    ],
)
def test_v3_4_7_a_report_is_what_a_stranger_says(site, content_type, body, status):
    assert site.send(request("POST /-/csp-report", content_type, body=body)).status == status


def test_v3_4_7_reports_are_limited(crowded_site):
    """The two processes count together."""
    with crowded_site.records("excess_rate_limit_exceeded", "csp_reports"):
        answers = [
            crowded_site.send(request("POST /-/csp-report", REPORT_TYPE, body=report())).status for _ in range(25)
        ]
    assert answers[-1] == 429
