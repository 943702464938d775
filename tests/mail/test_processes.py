"""Real workers and a real mail server: two at once, and one that is killed with mails in its hands."""

import asyncio
import os
import signal
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import pytest
from sqlalchemy import update

from fastness.auth.sealing import Sealer
from fastness.db.engine import Database
from fastness.db.migrations import upgrade
from fastness.db.unit import Unit
from fastness.kernel.clock import SystemClock
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.mail.notices import Notice, notice
from fastness.mail.outbox import Outbox, QueuedMail

pytestmark = pytest.mark.sockets

KEY = "mG7pQz2vX9rT4wKc8bNf5hJd3sLy6aEu"
APP = """
from fastness import Fastness, Settings

app = Fastness(Settings.load(), accounts=False)
"""
PEOPLE = [f"p{number}@example.com" for number in range(30)]


@pytest.fixture
async def database(database_url):
    await asyncio.to_thread(upgrade, database_url, None)
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def start(tmp_path, database_url, make_post):
    """Starts `fastness worker` processes for an app of their own."""
    post = await make_post()
    (tmp_path / "shop.py").write_text(APP)
    environ = {
        **os.environ,
        "FASTNESS_SECRET_KEY": KEY,
        "FASTNESS_HOSTS": "shop.example",
        "FASTNESS_DATABASE_URL": database_url,
        "FASTNESS_STORE_URL": f"sqlite:///{tmp_path}/store.sqlite3",
        "FASTNESS_MAIL_BACKEND": "smtp",
        "FASTNESS_MAIL_HOST": "localhost",
        "FASTNESS_MAIL_PORT": str(post.port),
        "FASTNESS_MAIL_SECURITY": "starttls",
        "FASTNESS_MAIL_SENDER": "noreply@shop.example",
        "FASTNESS_MAIL_CA_FILE": str(tmp_path / "ca.pem"),
    }
    started = []

    async def start(*options):
        command = [sys.executable, "-m", "fastness.cli", "worker", "--app", "shop:app", *options]
        with (tmp_path / f"worker-{len(started)}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=tmp_path, env=environ, stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
            )
        started.append(process)
        return process

    start.post = post
    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def queue(database):
    outbox = Outbox(seals=Sealer(Keyring(Secret(KEY))), clock=SystemClock())
    async with Unit(database, is_read_only=False) as unit:
        for person in PEOPLE:
            told = notice(Notice.NEW_DEVICE, to=person, site="shop.example", at=datetime.now(UTC), username="x")
            await outbox.add(unit.session, told)


def received(post):
    messages = [message_from_bytes(content) for content in post.handler.received]
    return Counter((message["To"], message["Message-ID"]) for message in messages)


async def until(condition):
    while not condition():  # noqa: ASYNC110 - another process makes it true; the test's own time limit ends a wait in vain
        await asyncio.sleep(0.05)


async def until_everybody_has_one(post):
    await until(lambda: {to for to, _ in received(post)} == set(PEOPLE))


async def stop(process):
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_two_workers_send_each_mail_once(database, start):
    await queue(database)
    workers = [await start(), await start()]
    await until_everybody_has_one(start.post)
    for worker in workers:
        await stop(worker)
    assert set(received(start.post).values()) == {1}


async def test_a_killed_worker_loses_nothing(database, start):
    await queue(database)
    handler = start.post.handler
    handler.rests = asyncio.Event()
    doomed = await start()
    await until(lambda: len(handler.senders) == 4)
    doomed.kill()
    await doomed.wait()
    handler.rests.set()
    handler.rests = None
    # As if the leases had ended: whose they were is dead.
    async with Unit(database, is_read_only=False) as unit:
        await unit.session.execute(
            update(QueuedMail).values(due_at=datetime.now(UTC) - timedelta(seconds=1)).where(QueuedMail.attempts > 0)
        )
    survivor = await start()
    await until_everybody_has_one(start.post)
    await stop(survivor)
    counts = received(start.post)
    assert len(counts) == len(PEOPLE)  # a mail that came twice came under one id
    assert sum(counts.values()) <= len(PEOPLE) + 4


async def test_once_sends_what_is_due_and_ends(database, start):
    await queue(database)
    worker = await start("--once")
    assert await worker.wait() == 0
    assert set(received(start.post).values()) == {1}
    assert len(received(start.post)) == len(PEOPLE)
