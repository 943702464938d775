"""Addresses by name: whatever the values are, the result is a path of this site and leads to its route."""

import pytest

from fastness import JSONResponse, Routes, access, redirect
from fastness.web.addresses import UnknownRouteError


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    async def show(request):
        return JSONResponse(dict(request.path_params))

    routes.get("/fixed", name="fixed")(show)
    routes.get("/příběh", name="accented")(show)
    routes.get("/cases/{value}", name="one")(show)
    routes.get("/numbers/{value:int}", name="number")(show)
    routes.get("/wiki/{value:path}", name="rest")(show)
    routes.get("/go", name="go")(go)
    routes.get("/{value:path}", name="page")(show)
    return routes


async def go(request):
    return redirect(request, request.query["name"], value=request.query["value"])


@pytest.mark.asvs("V1.2.2")
@pytest.mark.parametrize(
    ("name", "values", "path"),
    [
        pytest.param("fixed", {}, "/fixed", id="fixed"),
        pytest.param("accented", {}, "/p%C5%99%C3%ADb%C4%9Bh", id="letters-beyond-ascii"),
        pytest.param("one", {"value": "a"}, "/cases/a", id="plain"),
        pytest.param("one", {"value": "é?#%"}, "/cases/%C3%A9%3F%23%25", id="encoded"),
        pytest.param("one", {"value": ".hidden"}, "/cases/.hidden", id="dot-and-more"),
        pytest.param("number", {"value": 7}, "/numbers/7", id="number"),
        pytest.param("rest", {"value": "a/b"}, "/wiki/a/b", id="path"),
        pytest.param("rest", {"value": "%2e%2e"}, "/wiki/%252e%252e", id="escapes-are-text"),
        pytest.param("page", {"value": "a"}, "/a", id="page"),
    ],
)
async def test_an_address_leads_to_its_route(make_shop, browse, routes, name, values, path):
    shop = await make_shop(routes)
    assert shop.app._pipeline.site.addresses.path(name, values) == path
    async with browse(shop) as browser:
        assert (await browser.raw("GET", path)).json() == values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("page", "/evil.example", id="another-host"),
        pytest.param("page", "../admin", id="up-first"),
        pytest.param("rest", "a/../../admin", id="up"),
        pytest.param("rest", "a//b", id="empty-segment"),
        pytest.param("one", "..", id="up-as-a-segment"),
    ],
)
async def test_a_value_that_would_lead_elsewhere_is_refused(make_shop, browse, routes, name, value):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.raw("GET", "/go", params={"name": name, "value": value})
        fine = await browser.raw("GET", "/go", params={"name": name, "value": "a"})
    assert (page.status, "location" in page.headers) == (500, False)
    assert (fine.status, "location" in fine.headers) == (303, True)


@pytest.mark.parametrize("name", [pytest.param("one", id="text"), pytest.param("number", id="number")])
async def test_nothing_is_no_value_and_the_message_says_where_an_id_comes_from(make_shop, routes, name):
    """The id of an object that was added and not yet written: the link led to /cases/None."""
    addresses = (await make_shop(routes)).app._pipeline.site.addresses
    with pytest.raises(UnknownRouteError, match=r"needs a value, and it is None\..*request\.db\.flush"):
        addresses.path(name, {"value": None})


async def test_a_name_of_two_routes_is_refused_where_it_is_asked_for_and_lists_both(make_shop):
    """Two modules have a handler `show` each: a link to a fee would lead to the case of that number."""
    routes = Routes(access=access.public)

    async def show(request):
        return JSONResponse(None)

    routes.get("/cases/{value}", name="show")(show)
    routes.post("/cases/{value}", name="show")(show)
    routes.get("/fees/{value}", name="show")(show)
    routes.get("/cases", name="show")(show)
    addresses = (await make_shop(routes)).app._pipeline.site.addresses
    with pytest.raises(UnknownRouteError, match=r"/cases/\{value\}, /fees/\{value\}\. Give them names"):
        addresses.path("show", {"value": "a"})
    assert addresses.path("show", {}) == "/cases"
