"""Reports of the content security policy: counted before they are read, short in the log."""

import json

import pytest

from fastness import Routes

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
