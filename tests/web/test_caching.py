"""Nothing of ours answers out of memory, whatever a response or a request says about caches."""

import pytest

from fastness import JSONResponse, Routes, access


@pytest.fixture
def counting():
    """A route that counts how often it ran, and says about caches what it is told."""
    ran = []

    def make(headers):
        routes = Routes(access=access.public)

        @routes.get("/count")
        async def count(request):
            ran.append(request.headers.get("accept-language", "none"))
            return JSONResponse(len(ran), headers=headers)

        return routes

    return make


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing-said"),
        pytest.param({"cache-control": "public, max-age=3600"}, id="public"),
        pytest.param({"cache-control": "Private, max-age=3600"}, id="private-in-capitals"),
        pytest.param({"cache-control": "public, max-age=3600", "vary": "*"}, id="varies-with-everything"),
        pytest.param({"cache-control": "public, max-age=3600", "vary": " * "}, id="and-says-so-with-blanks"),
        pytest.param({"cache-control": "public, max-age=3600", "vary": "Accept-Language"}, id="varies-with-a-header"),
    ],
)
async def test_every_request_is_answered_by_the_handler(make_shop, browse, counting, headers):
    """CVE-2026-6907, CVE-2026-48587, CVE-2026-8404, CVE-2026-113593: a cache that read these wrongly kept what it must not."""
    shop = await make_shop(counting(headers))
    sent = [{"accept-language": ""}, {"accept-language": "de"}, {"authorization": "Bearer a"}, {"cookie": "a=b"}]
    async with browse(shop) as browser:
        pages = [await browser.raw("GET", "/count", headers=each) for each in [{}, *sent, {}]]
    assert [page.json() for page in pages] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        pytest.param("public, max-age=60", "no-store", id="public"),
        pytest.param("PUBLIC", "no-store", id="public-in-capitals"),
        pytest.param("max-age=60", "no-store", id="age-only"),
        pytest.param("Private, max-age=60", "Private, max-age=60", id="private-in-capitals"),
        pytest.param("\tPRIVATE", "\tPRIVATE", id="private-behind-white-space"),
        pytest.param("privateer", "no-store", id="a-word-that-begins-so"),
        pytest.param("x-private, public", "no-store", id="a-word-that-ends-so"),
        pytest.param('private="x-name", max-age=60', "no-store", id="private-for-one-header-only"),
    ],
)
async def test_what_was_made_for_somebody_is_private_however_it_is_written(make_shop, browse, said, kept):
    """CVE-2026-8404: directives are compared without regard to case."""
    routes = Routes(access=access.public)

    @routes.get("/mine")
    async def mine(request):
        return JSONResponse(request.user_or_none and "somebody", headers={"cache-control": said})

    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.fetch("/mine")
    assert page.headers["cache-control"].strip() == kept.strip()
