"""A mail server that is down, slow, or refuses STARTTLS: the visitor notices nothing, and everything arrives when it is well."""

import asyncio
from datetime import timedelta
from email import message_from_bytes

import pytest

from fastness.mail.outbox import QueuedMail
from tests.accounts.flows import make, routes, rows, shop
from tests.mail.conftest import authority, certificate, make_post

__all__ = ["authority", "certificate", "make", "make_post", "routes", "shop"]

pytestmark = pytest.mark.sockets


async def break_down(post):
    await post.stop()


async def get_slow(post):
    post.handler.rests = asyncio.Event()


async def refuse_starttls(post):
    post.offers_tls = False


async def recover(post):
    post.offers_tls = True
    if post.handler.rests is not None:
        post.handler.rests.set()
        post.handler.rests = None
    await post.stop()
    await post.start()


@pytest.fixture
async def post(make_post, shop):
    post = await make_post()
    shop.app.services.mailer = post.mailer(timeout_seconds=0.3)
    return post


@pytest.mark.parametrize(
    ("trouble", "reasons"),
    [
        pytest.param(break_down, {"connection_failed"}, id="down"),
        pytest.param(get_slow, {"timeout"}, id="slow"),
        pytest.param(refuse_starttls, {"starttls_refused"}, id="refuses-starttls"),
    ],
)
async def test_the_visitor_notices_nothing_and_nothing_is_lost(shop, browse, make, post, trouble, reasons):
    await make()
    await trouble(post)
    postman = shop.app.services.postman
    asked = []
    for number in range(3):
        # The worker tries while the next visitor asks.
        trying = asyncio.create_task(postman.deliver_due())
        async with browse(shop, client_ip=f"192.0.2.{number}") as browser:
            await browser.open("/account/reset")
            page = await browser.submit(email="ada@mail.example")
            asked.append((page.status, page.url))
            assert await trying == 0
            shop.clock.advance(120)
    assert set(asked) == {(200, "https://shop.example/account/reset/sent")}
    assert await postman.deliver_due() == 0
    waiting = await rows(shop, QueuedMail)
    assert len(waiting) == 3
    assert {row.last_reason for row in waiting} - {""} == reasons
    assert post.handler.received == []
    await recover(post)
    shop.clock.advance(timedelta(minutes=10).total_seconds())
    assert await postman.deliver_due() == 3
    assert await rows(shop, QueuedMail) == []
    assert {message_from_bytes(content)["To"] for content in post.handler.received} == {"ada@mail.example"}
