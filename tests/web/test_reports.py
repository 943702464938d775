"""Reports of the content security policy: counted before they are read, short in the log."""

import json

import pytest

from fastness import JSONResponse, Routes, access

URI = {
    "csp-report": {
        "document-uri": "https://shop.example/reset/token-in-the-path?x=1",
        "effective-directive": "script-src-elem",
        "blocked-uri": "https://evil.example/steal?cookie=1",
    }
}
TO = [
    {
        "type": "csp-violation",
        "body": {"documentURL": "https://shop.example/a", "effectiveDirective": "img-src", "blockedURL": "inline"},
    },
    {"type": "deprecation", "body": {}},
]


@pytest.mark.asvs("V3.4.7")
@pytest.mark.parametrize(
    ("content_type", "document", "status", "details"),
    [
        pytest.param(
            "application/csp-report", URI, 204, [("script-src-elem", "https://evil.example")], id="report-uri"
        ),
        pytest.param("application/reports+json", TO, 204, [("img-src", "inline")], id="report-to"),
        pytest.param("application/csp-report", {"csp-report": []}, 204, [], id="no-report-in-it"),
        pytest.param("application/csp-report", "text", 204, [], id="no-object"),
        pytest.param("text/plain", URI, 400, None, id="other-type"),
        pytest.param("application/reports+json", TO[:1] * 50, 204, [("img-src", "inline")] * 10, id="many-at-once"),
    ],
)
async def test_reports(make_shop, browse, content_type, document, status, details):
    shop = await make_shop(Routes())
    async with browse(shop) as browser:
        page = await browser.raw(
            "POST",
            "/-/csp-report",
            content=json.dumps(document),
            headers={"content-type": content_type, "origin": "null"},
        )
    assert page.status == status
    if details is not None:
        found = [(e.detail["directive"], e.detail["blocked"]) for e in shop.events.events if e.name == "csp_violation"]
        assert found == details


@pytest.mark.parametrize(
    ("address", "page"),
    [
        pytest.param("https://shop.example/reset/t0ken?x=1", "reset", id="name-and-no-token"),
        pytest.param("https://shop.example/none/t0ken", "", id="no-such-page"),
        pytest.param("https://shop.example/res%65t/t0ken", "reset", id="escapes"),
        pytest.param("https://[", "unreadable", id="no-address"),
        pytest.param("", "", id="empty"),
    ],
)
async def test_a_page_is_told_by_the_name_of_its_route(make_shop, browse, address, page):
    routes = Routes(access=access.public)
    routes.get("/reset/{token}", name="reset")(answer)
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        document = {"csp-report": {**URI["csp-report"], "document-uri": address}}
        headers = {"content-type": "application/csp-report"}
        assert (await browser.raw("POST", "/-/csp-report", json=document, headers=headers)).status == 204
    assert [event.detail["page"] for event in shop.events.events] == [page]
    assert "t0ken" not in str(shop.events.events)


async def answer(request):
    return JSONResponse("a page")


async def test_a_flood_from_one_address_leaves_the_others_their_share(make_shop, browse):
    shop = await make_shop(Routes())
    options = {"json": URI, "headers": {"content-type": "application/csp-report"}}
    async with browse(shop, client_ip="192.0.2.1") as one, browse(shop, client_ip="192.0.2.2") as other:
        for _ in range(700):
            await one.raw("POST", "/-/csp-report", **options)
        assert (await other.raw("POST", "/-/csp-report", **options)).status == 204


async def test_a_flood_is_counted_for_each_address(make_shop, browse):
    shop = await make_shop(Routes())
    options = {"json": URI, "headers": {"content-type": "application/csp-report"}}
    async with browse(shop, client_ip="192.0.2.1") as one, browse(shop, client_ip="192.0.2.2") as other:
        statuses = [(await one.raw("POST", "/-/csp-report", **options)).status for _ in range(25)]
        assert statuses == [204] * 20 + [429] * 5
        assert (await other.raw("POST", "/-/csp-report", **options)).status == 204
        shop.clock.advance(61)
        assert (await one.raw("POST", "/-/csp-report", **options)).status == 204


async def test_a_large_report_is_refused(make_shop, browse):
    shop = await make_shop(Routes())
    async with browse(shop) as browser:
        page = await browser.raw(
            "POST", "/-/csp-report", content=b"x" * 20_000, headers={"content-type": "application/csp-report"}
        )
    assert page.status == 413
