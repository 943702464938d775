"""V6, authentication: a refusal tells nothing about who exists, and nothing is hashed that is too long."""

import re

import pytest

from fastness.kernel.csrf import FIELD_NAME
from tests.attacks.target import PASSWORDS
from tests.attacks.wire import request

UNEQUAL = re.compile(rf'name="{FIELD_NAME}" value="[^"]*"|nonce="[^"]*"|value="[a-z]*"')
"""What differs from page to page: token, nonce, and the name that was typed."""


@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param("nobody", "an engine of brass and steam", id="unknown"),
        pytest.param("ada", "a wrong but long password", id="wrong"),
        pytest.param("gone", "was here until yesterday", id="closed-account"),
        pytest.param("machine", "whatever it may be, it is wrong", id="no-password"),
        pytest.param("ada", "AN ENGINE OF BRASS AND STEAM", id="another-case"),
        pytest.param("ada", "an engine of brass and steam ", id="a-blank-behind"),
        pytest.param("ada", "an engine of brass and stea", id="cut"),
    ],
)
async def test_v6_3_8_v6_2_8_every_refusal_looks_the_same(any_site, username, password):
    async with any_site.browser() as browser:
        await browser.open("/account/sign-in")
        expected = await browser.submit(username="somebody", password="of whom nobody has heard")
        with any_site.records("authn_login_fail") as events:
            page = await browser.submit(username=username, password=password)
        assert page.status == expected.status == 422
        assert UNEQUAL.sub("", page.text) == UNEQUAL.sub("", expected.text)
        assert browser.cookies == {}
    assert password.strip() not in str(events)


async def test_v16_3_1_a_sign_in_is_recorded_without_its_password(any_site):
    start = any_site.log_size()
    with any_site.records("authn_login_success") as events:
        async with any_site.signed_in():
            pass
    assert events[0]["user_id"]
    assert events[0]["client_ip"] == "127.0.0.1"
    assert PASSWORDS["ada"] not in str(any_site.lines(start))


@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param("ada", "a" * 20_000, id="above-the-limit"),
        pytest.param("a" * 20_000, "an engine of brass and steam", id="long-name"),
        pytest.param("ﷺ" * 1000, "an engine of brass and steam", id="a-name-that-grows-when-normalised"),
        pytest.param("ada", "", id="no-password"),
        pytest.param("", "an engine of brass and steam", id="no-name"),
        pytest.param("ada\x00", "an engine of brass and steam", id="nul-in-the-name"),
        pytest.param("ada' OR '1'='1", "an engine of brass and steam", id="sql"),
        pytest.param("*", "an engine of brass and steam", id="pattern"),
    ],
)
async def test_v6_3_1_v15_2_2_input_of_any_kind_signs_nobody_in(site, username, password):
    async with site.browser() as browser:
        await browser.open("/account/sign-in")
        page = await browser.submit("/account/sign-in", username=username, password=password)
        assert page.status == 422
        assert browser.cookies == {}


def test_v15_2_2_a_password_of_a_megabyte_is_not_even_received(site):
    body = b"username=ada&password=" + b"a" * 1_000_000
    content_type = "Content-Type: application/x-www-form-urlencoded"
    with site.records("excess_rate_limit_exceeded", "declared_body_too_large"):
        assert site.send(request("POST /account/sign-in", content_type, body=body)).status == 413


async def test_v6_2_8_a_name_is_the_same_however_it_is_typed(site):
    """Full-width letters are what some keyboards give; a second account under such a name cannot exist."""
    async with site.browser() as browser:
        await browser.sign_in("ＡＤＡ", PASSWORDS["ada"])
        assert (await browser.fetch("/who")).json()["user"] == "ada"


@pytest.mark.parametrize("name", ["username", "password", "next", "remember"])
async def test_v15_3_7_a_field_that_comes_twice_is_one_field(site, name):
    """Two values: whichever counts, it is checked and used alike."""
    async with site.browser() as browser:
        form = (await browser.open("/account/sign-in")).form()
        right = {"username": "ada", "password": PASSWORDS["ada"], "next": "/who", "remember": "yes"}
        wrong = {"username": "eve", "password": "wrong for everybody", "next": "//evil.example", "remember": "no"}
        token = dict(form.fields)[FIELD_NAME]
        pairs = [(FIELD_NAME, token), *right.items(), (name, wrong[name])]
        body = "&".join(f"{key}={value.replace(' ', '+')}" for key, value in pairs).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        page = await browser.fetch("/account/sign-in", "POST", content=body, headers=headers)
    assert page.status in {303, 422}
    assert "evil" not in page.headers.get("location", "")
