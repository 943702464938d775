"""Signing in and out by the pages that every app has."""

import pytest

from fastness import JSONResponse, Routes, access
from tests.accounts.conftest import PASSWORD


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.get("/")
    async def home(request):
        user = request.user_or_none
        return JSONResponse(user and user.username)

    @routes.post("/collect", name="sign_in")
    async def collect(request):
        return JSONResponse("a route of the app's with the name of ours")

    return routes


@pytest.mark.parametrize("length", [pytest.param(3, id="short"), pytest.param(254, id="as-long-as-a-name-may-be")])
async def test_everybody_with_an_account_can_type_the_name(make_shop, browse, routes, make_account, length):
    shop = await make_shop(routes)
    name = "a" * length
    await make_account(shop, name)
    async with browse(shop) as browser:
        page = await browser.open("/account/sign-in")
        assert 'maxlength="254"' in page.text
        assert (await browser.submit(username=name, password="wrong horse battery")).status == 422
        assert (await browser.submit(password=PASSWORD)).json() == name


async def test_the_form_goes_to_our_page_whatever_the_app_calls_its_own(make_shop, browse, routes):
    shop = await make_shop(routes)
    async with browse(shop) as browser:
        page = await browser.open("/account/sign-in")
    assert page.form().action == "/account/sign-in"


@pytest.mark.parametrize(
    ("target", "location"),
    [
        pytest.param("/cases?open=1", "/cases?open=1", id="path"),
        pytest.param("", "/", id="none"),
        pytest.param("//evil.example", "/", id="scheme-relative"),
        pytest.param("https://evil.example/", "/", id="elsewhere"),
        pytest.param("javascript:alert(1)", "/", id="script"),
        pytest.param("cases", "/", id="name-of-a-route"),
    ],
)
async def test_the_way_back_stays_here(make_shop, browse, routes, make_account, target, location):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    async with browse(shop) as browser:
        fields = {"username": "ada", "password": PASSWORD, "next": target}
        page = await browser.from_site(browser.origin, "/account/sign-in", fields=fields)
        assert (page.status, page.headers["location"]) == (303, location)
        page = await browser.from_site(browser.origin, f"/account/sign-in?next={target}", "GET")
        assert (page.status, page.headers["location"]) == (303, location)


@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param("ada", "wrong horse battery", id="wrong"),
        pytest.param("grace", PASSWORD, id="unknown"),
        pytest.param("a\0b", PASSWORD, id="impossible-name"),
        pytest.param("a" * 3000, PASSWORD, id="endless-name"),
        pytest.param("ada", "x" * 5000, id="endless-password"),
    ],
)
async def test_a_refusal_is_one_text_and_one_status(make_shop, browse, routes, make_account, username, password):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    async with browse(shop) as browser:
        await browser.open("/account/sign-in")
        page = await browser.submit(username=username, password=password)
        assert page.status == 422
        assert "This name and password do not go together." in page.text
        assert password not in page.text
        assert "set-cookie" not in page.headers
        assert (await browser.fetch("/")).json() is None


async def test_nobody_is_told_to_be_signed_out_who_is_not(make_shop, browse, routes, make_account):
    shop = await make_shop(routes)
    await make_account(shop, "ada")
    async with browse(shop) as browser:
        await browser.sign_in("ada", PASSWORD)
        assert (await browser.open("/account/signed-out")).json() == "ada"
        await browser.open("/account/confirm")
        assert "You are signed out" in (await browser.submit("/account/sign-out")).text
