"""The outbox is emptied: once each, later when it fails, never at the cost of other mails."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from fastness.auth.sealing import Sealer
from fastness.db.engine import Database
from fastness.db.errors import DatabaseBusyError, DatabaseLostError
from fastness.db.rules import DatabaseRules
from fastness.db.unit import Unit
from fastness.kernel.events import EventName
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.mail.errors import MailDelayedError, MailRefusedError
from fastness.mail.mailers import MemoryMailer, NoMailer
from fastness.mail.outbox import Outbox, QueuedMail
from fastness.mail.rules import MailRules
from tests.mail.conftest import SENDER, note


class Troubled(MemoryMailer):
    """Raises what it is told to for an address, or for all."""

    def __init__(self, **troubles):
        super().__init__()
        self.troubles = troubles
        self.tried = []

    async def send(self, message):
        address = str(message["To"])
        self.tried.append(address)
        trouble = self.troubles.get(address.partition("@")[0]) or self.troubles.get("everybody")
        if trouble is not None:
            raise trouble
        await super().send(message)


def recipients(mailer):
    return sorted(str(message["To"]) for message in mailer.sent)


async def test_what_is_due_is_sent_and_leaves_nothing_behind(queue, make_postman, rows):
    mailer = MemoryMailer()
    postman = make_postman(mailer)
    ids = await queue(note(), note(to="bob@example.com"))
    assert await postman.deliver_due() == 2
    assert recipients(mailer) == ["ada@example.com", "bob@example.com"]
    assert {message["Message-ID"] for message in mailer.sent} == {f"<{each}@shop.example>" for each in ids}
    assert await rows() == []
    assert await postman.deliver_due() == 0


async def test_a_mail_that_fails_waits_longer_each_time_under_the_same_id(queue, make_postman, rows, clock):
    mailer = Troubled(ada=MailDelayedError("recipient_refused_450"))
    postman = make_postman(mailer)
    (mail_id,) = await queue(note())
    pauses = []
    for attempt in range(1, 6):
        assert await postman.deliver_due() == 0
        (row,) = await rows()
        assert (row.attempts, row.last_reason) == (attempt, "recipient_refused_450")
        pauses.append((row.due_at - clock.now()).total_seconds())
        assert await postman.deliver_due() == 0
        assert len(mailer.tried) == attempt
        clock.advance(pauses[-1])
    for pause, longest in zip(pauses, (60, 120, 240, 480, 960), strict=True):
        assert longest / 2 <= pause <= longest
    mailer.troubles.clear()
    assert await postman.deliver_due() == 1
    assert mailer.sent[0]["Message-ID"] == f"<{mail_id}@shop.example>"


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(MailDelayedError("message_refused_451"), id="delayed"),
        pytest.param(MailRefusedError("message_refused_554"), id="refused"),
        pytest.param(ValueError("ada@example.com"), id="our-own-mistake"),
    ],
)
async def test_a_mail_in_trouble_does_not_hold_up_the_others(queue, make_postman, clock, caplog, trouble):
    mailer = Troubled(poison=trouble)
    await queue(note(to="poison@example.com"))
    clock.advance(1)
    await queue(note(), note(to="bob@example.com"))
    assert await make_postman(mailer).deliver_due() == 2
    assert recipients(mailer) == ["ada@example.com", "bob@example.com"]
    assert "example.com" not in caplog.text


async def test_a_refused_mail_is_given_up_emptied_and_told_of(queue, make_postman, rows, events):
    mailer = Troubled(ada=MailRefusedError("recipient_refused_550"))
    postman = make_postman(mailer)
    (mail_id,) = await queue(note())
    await postman.deliver_due()
    (row,) = await rows()
    assert (row.due_at, row.sealed, row.last_reason) == (None, "", "recipient_refused_550")
    (event,) = events.events
    assert (event.name, event.reason) == (EventName.MAIL_ABANDONED, "recipient_refused_550")
    assert event.detail == {"mail": str(mail_id), "kind": "note", "attempts": "1", "last": ""}
    assert "ada@" not in event.to_json()


async def test_a_mail_is_given_up_when_its_time_is_over(queue, make_postman, rows, events, clock):
    mailer = Troubled(ada=MailDelayedError("timeout"))
    postman = make_postman(mailer)
    await queue(note(lives_for=timedelta(minutes=20)))
    await postman.deliver_due()
    mailer.troubles.clear()
    clock.advance(20 * 60)
    await postman.deliver_due()
    assert mailer.sent == []
    (row,) = await rows()
    assert (row.due_at, row.sealed) == (None, "")
    assert [event.reason for event in events.events] == ["expired"]
    await postman.forget()
    assert len(await rows()) == 1
    clock.advance(31 * 86_400)
    await postman.forget()
    assert await rows() == []


async def test_a_server_that_is_away_is_not_asked_for_every_mail(queue, make_postman):
    mailer = Troubled(everybody=MailDelayedError("connection_failed", is_server_away=True))
    await queue(*(note(to=f"p{number}@example.com") for number in range(10)))
    await make_postman(mailer).deliver_due()
    assert len(mailer.tried) == 1


async def test_without_a_backend_mail_waits(queue, make_postman, rows):
    await queue(note())
    assert await make_postman(NoMailer()).deliver_due() == 0
    assert [row.last_reason for row in await rows()] == ["no_backend"]


async def test_a_mail_that_another_key_sealed_waits_for_that_key(queue, make_postman, rows, clock):
    mailer = MemoryMailer()
    await queue(note())
    stranger = Sealer(Keyring(Secret("zG7pQz2vX9rT4wKc8bNf5hJd3sLy6aEu")))
    assert await make_postman(mailer, seals=stranger).deliver_due() == 0
    assert [row.last_reason for row in await rows()] == ["unreadable"]
    clock.advance(60)
    assert await make_postman(mailer).deliver_due() == 1


async def test_a_worker_that_died_with_a_mail_loses_nothing(queue, make_postman, clock):
    await queue(note())
    dead = make_postman()
    assert await dead._take() is not None
    mailer = MemoryMailer()
    other = make_postman(mailer)
    assert await other.deliver_due() == 0
    clock.advance(dead.lease_seconds - 1)
    assert await other.deliver_due() == 0
    clock.advance(1)
    assert await other.deliver_due() == 1


async def test_a_worker_that_was_too_slow_changes_nothing_of_the_next_one(queue, make_postman, clock, rows):
    await queue(note())
    slow, next_one = make_postman(), make_postman()
    first = await slow._take()
    clock.advance(slow.lease_seconds)
    second = await next_one._take()
    assert (first.attempts, second.attempts) == (1, 2)
    await slow._give_up(first, "refused")
    await slow._delay(first, "late")
    await slow._remove(first)
    (row,) = await rows()
    assert (row.attempts, row.last_reason) == (2, "")
    assert row.sealed
    assert row.due_at == clock.now() + timedelta(seconds=next_one.lease_seconds)


async def test_several_workers_send_each_mail_once(queue, make_postman, rows):
    mailer = MemoryMailer()
    rules = MailRules(sender=SENDER, connections=4)
    await queue(*(note(to=f"p{number}@example.com") for number in range(30)))
    postmen = [make_postman(mailer, rules=rules) for _ in range(3)]
    while await rows():
        await asyncio.gather(*(postman.deliver_due() for postman in postmen))
    assert recipients(mailer) == sorted(f"p{number}@example.com" for number in range(30))


async def test_the_worker_decides_about_mails_of_a_kind_once(queue, make_postman, rows, clock):
    asked = []

    async def resolve(db, mail):
        asked.append(mail.to)
        assert await db.scalar(select(func.count()).select_from(select(1).subquery())) == 1
        if mail.to == "nobody@example.com":
            return None
        return note(context={"link": f"link-{len(asked)}"}, lives_for=timedelta(hours=1))

    mailer = Troubled(ada=MailDelayedError("recipient_refused_450"))
    postman = make_postman(mailer, resolvers={"note": resolve})
    await queue(note(), note(to="nobody@example.com"))
    assert len({len(row.sealed) for row in await rows()}) <= 2
    await postman.deliver_due()
    (row,) = await rows()
    assert (row.is_settled, row.expires_at) == (True, clock.now() + timedelta(hours=1))
    mailer.troubles.clear()
    clock.advance(60)
    assert await postman.deliver_due() == 1
    assert sorted(asked) == ["ada@example.com", "nobody@example.com"]
    assert "link-" in mailer.sent[0].get_body(("plain",)).get_content()


async def test_a_resolver_that_fails_is_asked_again(queue, make_postman, clock):
    answers = [ValueError("ada"), note()]

    async def resolve(_db, _mail):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    postman = make_postman(resolvers={"note": resolve})
    await queue(note())
    assert await postman.deliver_due() == 0
    clock.advance(60)
    assert await postman.deliver_due() == 1


async def test_an_error_beside_it_lets_the_mail_in_hand_arrive(queue, make_postman, rows):
    failed = asyncio.Event()

    class Slow(Troubled):
        async def send(self, message):
            if "bob" in message["To"]:
                await failed.wait()
                await asyncio.sleep(0.05)
            else:
                failed.set()
            await super().send(message)

    mailer = Slow(ada=DatabaseLostError("the database is away"))
    postman = make_postman(mailer, rules=MailRules(sender=SENDER, connections=2))
    await queue(note(), note(to="bob@example.com"))
    with pytest.raises(DatabaseLostError):
        await postman.deliver_due()
    assert recipients(mailer) == ["bob@example.com"]
    assert len(await rows()) == 1


async def test_a_mail_that_the_server_took_is_not_sent_again_after_a_trouble_of_the_database(
    queue, make_postman, rows, clock, database, database_url
):
    class Unlucky(MemoryMailer):
        async def send(self, message):
            await super().send(message)
            await holder.session.execute(select(QueuedMail).with_for_update())

    holder = Unit(database, is_read_only=False)
    impatient = Database(database_url, rules=DatabaseRules(busy_seconds=0.05))
    mailer = Unlucky()
    postman = make_postman(mailer, database=impatient)
    await queue(note())
    with pytest.raises(DatabaseBusyError):
        await postman.deliver_due()
    await holder.finish(500)
    clock.advance(postman.lease_seconds)
    assert await postman.deliver_due() == 0
    assert len(mailer.sent) == 1
    assert await rows() == []
    await impatient.close()


async def test_a_stop_lets_the_mail_in_hand_arrive(queue, make_postman, rows):
    class Stopping(MemoryMailer):
        async def send(self, message):
            postman.stop()
            await super().send(message)

    mailer = Stopping()
    postman = make_postman(mailer)
    await queue(note(), note(to="bob@example.com"))
    assert await postman.deliver_due() == 1
    assert len(await rows()) == 1


@pytest.mark.sockets
async def test_everything_arrives_when_the_server_is_back(queue, make_post, make_postman, database, seals, clock, rows):
    """Down, then a server that refuses STARTTLS, then one that is busy, then the right one."""
    post = await make_post()
    postman = make_postman(post.mailer(), rules=MailRules(sender=SENDER, connections=2))
    people = [f"p{number}@example.com" for number in range(5)]
    await post.stop()
    outbox = Outbox(seals=seals, clock=clock)
    async with Unit(database, is_read_only=False) as unit:  # what a request does: it asks no server
        for person in people:
            await outbox.add(unit.session, note(to=person))
    for reason in ("connection_failed", "starttls_refused", "recipient_refused_450"):
        if reason == "starttls_refused":
            post.offers_tls = False
            await post.start()
        elif reason == "recipient_refused_450":
            post.offers_tls = True
            post.handler.answers["RCPT"] = "450 busy"
        clock.advance(3_600)
        assert await postman.deliver_due() == 0
        assert len(await rows()) == 5
        assert reason in {row.last_reason for row in await rows()}
    assert post.handler.received == []
    post.handler.answers.clear()
    clock.advance(3_600)
    assert await postman.deliver_due() == 5
    assert await rows() == []
    assert len(post.handler.received) == 5
