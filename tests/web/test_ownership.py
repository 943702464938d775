"""The proof of ownership: whoever holds the key gets an answer, and to everybody else the address is like any other."""

import pytest

from fastness import JSONResponse, Routes, access
from fastness.kernel.ownership import PROOF_PATH, ask, is_answered

HOST = "shop.example"


@pytest.fixture
async def shop(make_shop):
    return await make_shop()


def question_of(shop, clock, host=HOST):
    return ask(shop.app.settings.keyring, host, now=clock.epoch())


async def test_whoever_holds_the_key_gets_an_answer(shop, browse, clock):
    question = question_of(shop, clock)
    page = await browse(shop).raw("GET", PROOF_PATH, headers={"fastness-probe": question})
    assert page.status == 200
    assert is_answered(shop.app.settings.keyring, question, page.response.content)
    assert page.headers["cache-control"] == "no-store"
    assert shop.events.events == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_to_everybody_else_nothing_is_there(shop, browse, method):
    answers = [
        await browse(shop).raw(method, path, headers={"fastness-probe": "v1.YQ..AAAA"})
        for path in (PROOF_PATH, "/-/prob")
    ]
    assert {page.status for page in answers} == {404}
    assert len({frozenset(page.headers.keys()) for page in answers}) == 1


@pytest.mark.parametrize(("host", "later"), [("evil.example", 0), (HOST, 61)], ids=["another-host", "too-late"])
async def test_a_question_for_another_host_or_time_is_none(shop, browse, clock, host, later):
    question = question_of(shop, clock, host)
    clock.advance(later)
    assert (await browse(shop).raw("GET", PROOF_PATH, headers={"fastness-probe": question})).status == 404


async def test_a_right_question_opens_nothing_else(make_shop, browse, clock):
    routes = Routes(access=access.signed_in)

    @routes.get("/private")
    async def private(request):
        return JSONResponse("private")

    shop = await make_shop(routes)
    headers = {"fastness-probe": question_of(shop, clock)}
    assert (await browse(shop).raw("GET", "/private", headers=headers)).status == 401
    assert (await browse(shop).raw("POST", PROOF_PATH, headers=headers)).status == 404
