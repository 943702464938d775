"""Unsafe requests come from this site's own pages, forms carry their token, and a stale form loses nothing."""

import pytest

from fastness import Because, HTMLResponse, JSONResponse, Routes, access
from fastness.html.forms import Form, forms_in
from fastness.kernel.crosssite import CrossSiteRules
from fastness.sessions.identity import Identity
from tests.web.wire import ask

EVIL = "https://evil.example"
SIBLING = "https://blog.shop.example"


FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/form")
    async def form(request):
        return HTMLResponse(f'<form method="post" action="/take">{request.csrf_field()}<input name="text"></form>')

    @routes.get("/start")
    async def start(request):
        request.session.set("cart", [1])
        return JSONResponse(request.csrf_token())

    @routes.get("/token")
    async def token(request):
        return JSONResponse(request.csrf_token())

    @routes.get("/sign-in-as/{name}", insecure_write_on_get=Because("a test signs people in by their name"))
    async def sign_in_as(request):
        from uuid import NAMESPACE_DNS, uuid5

        name = request.path_params["name"]
        identity = Identity(
            id=uuid5(NAMESPACE_DNS, name),
            username=name,
            display_name=name.title(),
            is_staff=False,
            roles=frozenset(),
            permissions=frozenset(),
            authenticated_at=request.site.clock.epoch(),
            epoch=0,
        )
        request.site.sessions.sign_in(request.session, identity)
        return JSONResponse(name)

    @routes.post("/take")
    async def take(request):
        return JSONResponse(dict(await request.form_pairs()))

    @routes.post("/json")
    async def json(request):
        return JSONResponse(await request.json())

    @routes.post("/always", csrf="always")
    async def always(request):
        return JSONResponse(await request.json())

    @routes.post("/skip", insecure_skip_csrf=Because("a webhook that signs its body"))
    async def skip(request):
        return JSONResponse("skipped")

    @routes.post("/saml", insecure_cross_site=Because("SAML posts here from the identity provider"))
    async def saml(request):
        return JSONResponse("from anywhere")

    @routes.post("/partner", trusted_origins=("https://partner.example",))
    async def partner(request):
        return JSONResponse("from the partner")

    return routes


async def started(browser):
    """Give the browser a session; its token."""
    return (await browser.fetch("/start")).json()


@pytest.mark.asvs("V3.5.1")
@pytest.mark.parametrize(
    ("initiator", "path", "headers", "status", "reason"),
    [
        pytest.param(EVIL, "/take", {}, 403, "sec_fetch_cross_site", id="other-site"),
        pytest.param(SIBLING, "/take", {}, 403, "sec_fetch_cross_site", id="sibling-host"),
        pytest.param("http://shop.example", "/take", {}, 403, "sec_fetch_cross_site", id="same-host-without-tls"),
        pytest.param(EVIL, "/saml", {}, 200, None, id="route-takes-any-site"),
        pytest.param(EVIL, "/partner", {}, 403, "sec_fetch_cross_site", id="route-trusts-another"),
        pytest.param("https://partner.example", "/partner", {}, 200, None, id="route-trusts-this-one"),
        pytest.param("https://partner.example", "/take", {}, 403, "sec_fetch_cross_site", id="trust-is-the-routes-own"),
        pytest.param(EVIL, "/take", {"content-type": "text/plain"}, 403, "sec_fetch_cross_site", id="text-plain"),
    ],
)
async def test_a_page_elsewhere_posts_here(make_shop, browse, routes, initiator, path, headers, status, reason):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await started(browser)
        shop.events.events.clear()
        page = await browser.from_site(initiator, path, content=b"a=1", headers=headers)
    assert page.status == status
    assert shop.reasons() == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("headers", "status", "event"),
    [
        pytest.param({"origin": "https://shop.example"}, 200, None, id="own-origin-without-fetch-metadata"),
        pytest.param({"origin": EVIL}, 403, "malicious_cors", id="other-origin-without-fetch-metadata"),
        pytest.param({"origin": "null"}, 403, "malicious_cors", id="origin-null"),
        pytest.param({"origin": "https://shop.example.evil.example"}, 403, "malicious_cors", id="look-alike"),
        pytest.param({}, 200, None, id="neither-and-no-cookie"),
        pytest.param({"cookie": "__Host-session=x"}, 403, "csrf_fail", id="neither-but-a-session-cookie"),
        pytest.param({"cookie": "theme=dark"}, 200, None, id="neither-and-another-cookie"),
    ],
)
async def test_older_clients(make_shop, browse, routes, headers, status, event):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("POST", "/json", json={"a": 1}, headers=headers)
    assert page.status == status
    # A cookie that the store does not know is an event of its own.
    assert [name for name in shop.names() if name != "session_rejected"] == ([event] if event else [])


async def test_an_older_client_with_a_session_passes_with_its_token(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        token = await started(browser)
        assert (await browser.raw("POST", "/json", json={"a": 1})).status == 403
        assert (await browser.raw("POST", "/json", json={"a": 1}, headers={"x-csrf-token": token})).status == 200
        assert (await browser.raw("POST", "/take", data={"csrf_token": token, "a": "1"})).json() == {"a": "1"}


@pytest.mark.parametrize(
    ("path", "headers", "status", "reason"),
    [
        pytest.param("/partner", {"origin": "https://partner.example"}, 200, None, id="partner"),
        pytest.param("/partner", {"origin": EVIL}, 403, "origin_mismatch", id="another"),
        pytest.param("/partner", {"origin": "https://shop.example"}, 403, "csrf_token_missing", id="own-page"),
        pytest.param("/partner", {}, 403, "csrf_token_missing", id="nothing-said"),
        pytest.param("/take", {"origin": "https://partner.example"}, 403, "origin_mismatch", id="another-route"),
    ],
)
async def test_a_partners_page_in_a_browser_without_fetch_metadata(
    make_shop, browse, routes, path, headers, status, reason
):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await started(browser)
        shop.events.events.clear()
        page = await browser.raw("POST", path, content=b"a=1", headers={"content-type": FORM, **headers})
    assert page.status == status
    assert shop.reasons() == ([reason] if reason else [])


async def test_global_trusted_origins(make_shop, browse, routes):
    shop = await make_shop(routes, settings={"cross_site": CrossSiteRules(trusted_origins=(SIBLING,))})
    async with browse(shop) as browser:
        await started(browser)
        assert (await browser.from_site(SIBLING, "/take", fields={"a": "1"})).status == 200
        assert (await browser.from_site(EVIL, "/take", fields={"a": "1"})).status == 403


@pytest.mark.parametrize(
    ("path", "content_type", "body", "status"),
    [
        pytest.param("/take", FORM, b"csrf_token=TOKEN&a=1", 200, id="token-first"),
        pytest.param("/take", FORM, b"csrf_token=TOKEN", 200, id="token-alone"),
        pytest.param("/take", FORM, b"a=1", 403, id="no-token"),
        pytest.param("/take", FORM, b"a=1&csrf_token=TOKEN", 403, id="token-not-first"),
        pytest.param("/take", FORM, b"csrf_token=&a=1", 403, id="empty-token"),
        pytest.param("/take", FORM, b"csrf_token=" + b"A" * 64, 403, id="forged-token"),
        pytest.param("/take", FORM, b"csrf_token=" + b"A" * 20_000, 403, id="endless-token"),
        pytest.param("/take", FORM + "; charset=utf-8", b"a=1", 403, id="type-with-charset"),
        pytest.param("/take", FORM.upper(), b"a=1", 403, id="type-in-capitals"),
        pytest.param("/take", "text/plain", b"a=1", 403, id="text-plain"),
        pytest.param("/take", "text/plain", b'{"a": "csrf_token=TOKEN"}', 403, id="json-in-text-plain"),
        pytest.param("/take", "text/ping", b"PING", 403, id="ping"),
        pytest.param("/take", "application/csp-report", b"{}", 403, id="policy-report"),
        pytest.param("/take", "", b"a=1", 403, id="no-type"),
        pytest.param("/take", "multipart/form-data; boundary=B", b"--B\r\n\r\n", 403, id="multipart-without-token"),
        pytest.param(
            "/take",
            "multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\nTOKEN\r\n'
            b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--B--\r\n',
            200,
            id="multipart-token-first",
        ),
        pytest.param("/json", "application/json", b'{"a":1}', 200, id="json-needs-a-preflight"),
        pytest.param("/always", "application/json", b'{"a":1}', 403, id="always-means-json-too"),
        pytest.param("/skip", FORM, b"a=1", 200, id="route-skips"),
    ],
)
async def test_form_bodies_carry_the_token(make_shop, browse, routes, path, content_type, body, status):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        token = await started(browser)
        shop.events.events.clear()
        headers = {"content-type": content_type} if content_type else {}
        page = await browser.fetch(path, "POST", content=body.replace(b"TOKEN", token.encode()), headers=headers)
    assert page.status == status
    assert shop.names() == ([] if status == 200 else ["csrf_fail"])


@pytest.mark.parametrize(
    ("end", "status"),
    [
        pytest.param({"type": "http.request", "body": b"&a=1", "more_body": False}, 200, id="whole"),
        pytest.param({"type": "http.disconnect"}, 400, id="broken-off-behind-the-token"),
    ],
)
async def test_half_a_form_is_not_taken_for_a_whole_one(make_shop, browse, routes, end, status):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        token = await started(browser)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.values())
    headers = [
        (b"cookie", cookies.encode()),
        (b"origin", b"https://shop.example"),
        (b"content-type", FORM.encode()),
        (b"transfer-encoding", b"chunked"),
    ]
    first = {"type": "http.request", "body": b"csrf_token=" + token.encode(), "more_body": True}
    got, _ = await ask(shop.app, method="POST", path="/take", headers=headers, messages=[first, end])
    assert got == status


@pytest.mark.parametrize("header", ["x-csrf-token", "x-csrftoken"])
async def test_the_token_may_come_in_a_header(make_shop, browse, routes, header):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        token = await started(browser)
        right = {header: token, "content-type": FORM}
        assert (await browser.fetch("/take", "POST", content=b"a=1", headers=right)).status == 200
        assert (await browser.fetch("/always", "POST", json={"a": 1}, headers={header: token})).status == 200
        wrong = {header: "B" * 64, "content-type": FORM}
        # A wrong header is not forgiven for a right field: one of the two was put there by somebody else.
        body = f"csrf_token={token}".encode()
        assert (await browser.fetch("/take", "POST", content=body, headers=wrong)).status == 403


@pytest.mark.asvs("V3.5.1")
async def test_another_sessions_token_is_refused(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as one, browse(shop) as other:
        await started(one)
        token = await started(other)
        page = await one.fetch("/take", "POST", content=f"csrf_token={token}".encode(), headers={"content-type": FORM})
    assert page.status == 403
    assert shop.reasons()[-1] == "csrf_token_wrong"


async def test_two_tokens_of_a_page_differ_and_both_hold(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        one = await started(browser)
        two = (await browser.fetch("/token")).json()
        assert one != two
        for token in (one, two):
            assert (await browser.fetch("/always", "POST", json={}, headers={"x-csrf-token": token})).status == 200


async def test_a_form_from_before_the_sign_in_loses_nothing(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        before = await browser.open("/form")
        await browser.fetch("/sign-in-as/ada")
        asked = await browser.submit(before.form(), text='long <b>letter</b> & "more"')
        assert asked.status == 403
        assert shop.names() == ["session_created", "csrf_fail"]
        assert "<b>letter" not in asked.text
        assert forms_in(asked.text)[0].action == "/take"
        sent = await browser.submit()
        assert sent.status == 200
        assert sent.json() == {"text": 'long <b>letter</b> & "more"'}


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("/deep/%2Fevil.example/x", id="slash-in-a-value"),
        pytest.param("/deep/a%3Fb%23c", id="question-mark-and-hash-in-a-value"),
        pytest.param("/deep/100%25?next=%2Fa&quot=%22", id="percent-and-query"),
    ],
)
async def test_a_form_is_sent_again_to_the_very_address_it_was_sent_to(make_shop, browse, routes, address):
    @routes.post("/deep/{rest:path}", encoded_slash=True)
    async def deep(request):
        return JSONResponse(request.path_params["rest"])

    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/sign-in-as/ada")
        form = Form(action=address, method="POST", fields=[("text", "letter")])
        await browser.open("/form")
        asked = await browser.submit(form)
        assert asked.status == 403
        assert forms_in(asked.text)[0].action == address


async def test_what_comes_from_elsewhere_is_never_offered_again(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/sign-in-as/ada")
        page = await browser.from_site(EVIL, "/take", fields={"text": "planted"})
        old = await browser.raw("POST", "/take", data={"text": "planted"}, headers={"accept": "text/html"})
    assert (page.status, old.status) == (403, 403)
    assert "planted" not in page.text + old.text


async def test_one_persons_form_is_not_sent_for_the_next_without_asking(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        await browser.fetch("/sign-in-as/ada")
        form = (await browser.open("/form")).form()
        await browser.fetch("/sign-in-as/grace")
        page = await browser.submit(form, text="from Ada")
        assert page.status == 403
        assert "Grace" in page.text
