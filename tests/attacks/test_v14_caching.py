"""V14, data protection: what was made for one visitor is kept by no cache."""

import pytest

from tests.attacks.site import COOKIE
from tests.attacks.wire import request


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/private", id="page-behind-a-rule"),
        pytest.param("/who", id="user-was-read"),
        pytest.param("/", id="form-with-a-token"),
        pytest.param("/lax-app", id="handler-that-says-public"),
    ],
)
async def test_v14_3_2_v14_2_2_what_depends_on_the_visitor_is_not_stored(any_site, path):
    async with any_site.signed_in() as browser:
        page = await browser.open(path)
    assert page.status == 200
    assert page.headers["cache-control"] == "no-store"


def test_v14_3_2_nor_is_it_for_a_stranger(any_site):
    """The page for nobody and the page for somebody have one address: a cache that keeps the first hides the second."""
    for path in ("/lax-app", "/who", "/private"):
        assert any_site.send(request(f"GET {path}")).header("cache-control") == "no-store"


async def test_v14_2_2_an_answer_that_sets_a_cookie_is_not_stored(any_site):
    """CVE-2026-35192, CVE-2026-48588."""
    async with any_site.browser() as browser:
        page = await browser.fetch("/visits/a", "POST", json={}, headers={"cookie": "theme=dark"})
    assert COOKIE in page.headers["set-cookie"]
    assert page.headers["cache-control"] == "no-store"


def test_v14_2_2_an_answer_to_credentials_is_not_stored(any_site):
    """CVE-2026-35193."""
    for path in ("/notes/count", "/paths/a"):
        answer = any_site.send(request(f"GET {path}", "Authorization: Bearer a"))
        assert answer.header("cache-control") == "no-store"


def test_v14_2_5_static_files_are_the_same_for_everybody(any_site):
    plain = any_site.send(request("GET /static/site.css"))
    signed = any_site.send(request("GET /static/site.css", f"Cookie: {COOKIE}={'A' * 43}"))
    assert plain.body == signed.body
    assert plain.header("cache-control") == signed.header("cache-control") == "public, max-age=0, must-revalidate"
    assert signed.header("set-cookie") is None


@pytest.mark.parametrize("path", ["/private/x.css", "/who/x.css", "/private%2fx.css", "/who;x.css", "/who%3fx.css"])
def test_v14_2_5_a_page_has_no_second_name_that_looks_like_a_file(any_site, path):
    """Web cache deception: a cache that goes by the ending would keep the page."""
    assert any_site.send(request(f"GET {path}")).status in {400, 404}


async def test_v14_2_1_no_address_holds_a_session_or_a_token(any_site):
    async with any_site.signed_in() as browser:
        page = await browser.open("/")
        token = dict(page.form("/notes").fields)["csrf_token"]
        assert browser.cookies[COOKIE].value not in page.text
        assert token not in page.url
