"""Unknown, wrong, inactive, without a password: one answer on every way in. How long it takes is measured in the benchmark."""

import re

import pytest

from fastness import JSONResponse, Routes, access
from fastness.mail.outbox import QueuedMail
from tests.accounts.conftest import PASSWORD
from tests.accounts.flows import make, rows, shop

__all__ = ["make", "shop"]

KINDS = {
    "unknown": ("unknown0", PASSWORD),
    "wrong": ("somebody", "not the pass phrase of it"),
    "inactive": ("inactive", PASSWORD),
    "passwordless": ("passless", PASSWORD),
}


@pytest.fixture
def routes():
    routes = Routes(access=access.public)

    @routes.post("/api/sign-in")
    async def sign_in(request):
        fields = await request.json()
        outcome = await request.site.check_password(request.exchange, fields["username"], fields["password"])
        return JSONResponse({"signed_in": outcome.is_sign_in}, status=200 if outcome.is_sign_in else 401)

    return routes


@pytest.fixture
async def people(make):
    await make("somebody", email="somebody@mail.example")
    await make("inactive", email="inactive@mail.example", is_active=False)
    await make("passless", email="passless@mail.example", password=None)


def shown(page, name):
    """The answer without what differs between any two: the nonce, and the name that was typed."""
    headers = {key: value for key, value in page.headers.items() if key != "content-length"}
    nonces = set(re.findall(r"'nonce-([^']+)'", page.headers["content-security-policy"]))
    text = (repr(headers) + page.text).replace(name, "")
    for nonce in nonces:
        text = text.replace(nonce, "")
    return page.status, page.url, re.sub(r'name="csrf_token" value="[^"]*"', "", text)


async def by_form(browser, name, password):
    await browser.open("/account/sign-in")
    return await browser.submit(username=name, password=password)


async def by_api(browser, name, password):
    return await browser.fetch("/api/sign-in", "POST", json={"username": name, "password": password})


async def ask_for_reset(browser, name, password):
    await browser.open("/account/reset")
    return await browser.submit(email=f"{name}@mail.example")


@pytest.mark.parametrize(
    ("way", "status"),
    [
        pytest.param(by_form, 422, id="form"),
        pytest.param(by_api, 401, id="api"),
        pytest.param(ask_for_reset, 200, id="reset"),
    ],
)
async def test_v6_3_8_status_and_body_are_the_same(shop, browse, people, way, status):
    answers = set()
    for number, (name, password) in enumerate(KINDS.values()):
        async with browse(shop, client_ip=f"192.0.2.{number}") as browser:
            answers.add(shown(await way(browser, name, password), name))
    assert len(answers) == 1
    assert answers.pop()[0] == status


async def test_v6_3_8_a_reset_writes_the_same_row_for_all(shop, browse, people):
    for number, (name, password) in enumerate(KINDS.values()):
        async with browse(shop, client_ip=f"192.0.2.{number}") as browser:
            await ask_for_reset(browser, name, password)
    queued = await rows(shop, QueuedMail)
    assert len(queued) == len(KINDS)
    assert len({(row.kind, row.is_settled, len(row.sealed), row.attempts) for row in queued}) == 1
