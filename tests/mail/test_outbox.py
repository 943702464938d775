"""What may be queued, what lies in the database, and with which transaction."""

from datetime import timedelta

import pytest

from fastness.db.unit import Unit
from fastness.kernel.errors import TamperedError
from fastness.mail.errors import MailAddressError, MailError
from fastness.mail.outbox import SEAL_PURPOSE, Outbox
from tests.mail.conftest import note


@pytest.mark.asvs("V1.3.11")
@pytest.mark.parametrize(
    "to",
    [
        pytest.param("ada@example.com\nBcc: eve@example.com", id="line-feed"),
        pytest.param("ada@example.com\r\n", id="trailing-line-break"),
        pytest.param("ada@example.com,eve@example.com", id="two"),
        pytest.param("Ada <ada@example.com>", id="display-name"),
        pytest.param('"a b"@example.com', id="quoted"),
        pytest.param("ada@[127.0.0.1]", id="literal"),
        pytest.param("ada@bücher.example", id="not-ascii"),
        pytest.param("a@" + "a." * 100_000, id="many-labels"),
        pytest.param("", id="empty"),
    ],
)
def test_no_mail_to_what_is_no_address(to):
    with pytest.raises(MailAddressError):
        note(to=to)


def test_an_international_domain_is_written_in_ascii():
    assert note(to="ada@xn--bcher-kva.example").to == "ada@xn--bcher-kva.example"


@pytest.mark.asvs("V1.3.11")
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"kind": "A kind!"}, id="kind"),
        pytest.param({"kind": "a" * 65}, id="long-kind"),
        pytest.param({"template": ""}, id="no-template"),
        pytest.param({"context": {"a b": "x"}}, id="name"),
        pytest.param({"context": {"user": object()}}, id="object"),
        pytest.param({"context": {"text": "a\x1b[2J"}}, id="control"),
        pytest.param({"context": {"text": "a" * 8_193}}, id="long-value"),
        pytest.param({"context": {"flag": True}}, id="bool"),
        pytest.param({"lives_for": timedelta(0)}, id="no-life"),
        pytest.param({"unsubscribe": "http://shop.example/"}, id="unsubscribe-in-the-clear"),
        pytest.param({"unsubscribe": "https://shop.example/>\r\nBcc: x"}, id="unsubscribe-header"),
    ],
)
def test_a_mail_that_cannot_be_right_is_refused_when_it_is_queued(changes):
    with pytest.raises(MailError):
        note(**changes)


def test_a_mail_that_is_too_big_is_refused():
    with pytest.raises(MailError):
        note(context={f"text{number}": "a" * 8_000 for number in range(9)}).to_text()


def test_a_mail_does_not_show_address_and_values():
    assert repr(note()) == "Mail(kind='note')"


async def test_neither_address_nor_link_nor_template_lies_in_the_database(queue, rows, seals):
    (mail_id,) = await queue(note(context={"link": "https://shop.example/reset/geheim"}))
    (row,) = await rows()
    for hidden in ("ada", "geheim", "link", "note"):
        assert hidden not in row.sealed
    assert "geheim" in seals.open(SEAL_PURPOSE, str(mail_id), row.sealed)
    with pytest.raises(TamperedError):
        seals.open(SEAL_PURPOSE, "another row", row.sealed)


async def test_a_mail_is_queued_with_its_transaction_or_not_at_all(database, outbox, rows):
    refused = Unit(database, is_read_only=False)
    await outbox.add(refused.session, note())
    await refused.session.flush()
    await refused.finish(500)
    assert await rows() == []
    async with Unit(database, is_read_only=False) as unit:
        await outbox.add(unit.session, note())
    assert len(await rows()) == 1


async def test_the_worker_of_this_process_is_woken_after_the_commit(database, seals, clock):
    woken = []
    outbox = Outbox(seals=seals, clock=clock, wake=lambda: woken.append(True))
    async with Unit(database, is_read_only=False) as unit:
        await outbox.add(unit.session, note())
        await outbox.add(unit.session, note())
        assert woken == []
    assert woken == [True]


async def test_a_mail_lives_no_longer_than_its_link(queue, rows):
    await queue(note(lives_for=timedelta(minutes=20)), note(lives_for=timedelta(days=300)))
    lives = {row.expires_at - row.created_at for row in await rows()}
    assert lives == {timedelta(minutes=20), timedelta(days=3)}
