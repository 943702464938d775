"""Processes that are killed in the middle of sign-ups and resets: no half account, and nothing that was answered is lost."""

import asyncio
import json
import multiprocessing
import random
from collections import Counter

import pytest
from sqlalchemy import select

from fastness.auditlog.verifying import verify
from fastness.auth.links import OneTimeLink
from fastness.auth.purposes import Purpose
from fastness.auth.users import User
from fastness.db.migrations import upgrade
from fastness.db.unit import Unit
from fastness.mail.mail import Mail
from fastness.mail.outbox import SEAL_PURPOSE, QueuedMail
from fastness.testing.browser import Browser
from tests.accounts.people import FIRST, SECOND, KilledMember, Place, live, mails_to, make_app
from tests.auditlog.pages import every_row
from tests.web.shop import ORIGIN

ROUNDS = 25
PROCESSES = 2
SEED = 20_261_122
MOST_ANSWERS = 4
LONGEST_SECONDS = 0.2
PATIENCE_SECONDS = 30


@pytest.fixture
async def place(tmp_path, database_url):
    """Where they meet, with the tables made."""
    audit_url = database_url if database_url.startswith("postgresql") else f"sqlite:///{tmp_path}/audit.sqlite3"
    place = Place(database_url=database_url, audit_url=audit_url, folder=tmp_path)
    await asyncio.to_thread(upgrade, database_url, None)
    app = make_app(place)
    async with app.services.database.write.begin() as connection:
        await connection.run_sync(KilledMember.__table__.create)
    await app.services.database.close()
    return place


def kill_some(place, chance):
    """Start processes, kill each at a random moment, and return what they said was acknowledged."""
    # The parent of all has the modules loaded, so that a process is there in milliseconds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.accounts.people_ready"])
    told = []

    def hear(pipe, count, longest):
        """So many answers, or as many as come."""
        try:
            while count and pipe.poll(longest):
                told.append(pipe.recv())
                count -= 1
        except EOFError:
            pass

    for one in range(ROUNDS):
        started = []
        for number in range(PROCESSES):
            mine, theirs = context.Pipe(duplex=False)
            process = context.Process(target=live, args=(place, f"r{one}p{number}", theirs), daemon=True)
            process.start()
            theirs.close()
            started.append((process, mine))
        for process, pipe in started:
            # After so many answers, and then at some moment on the way to the next one.
            hear(pipe, 1 + chance.randrange(MOST_ANSWERS), PATIENCE_SECONDS)
            process.join(chance.uniform(0, LONGEST_SECONDS))
            process.kill()
        for process, pipe in started:
            process.join()
            assert process.exitcode == -9
            hear(pipe, -1, 0)
            process.close()
            pipe.close()
    return told


@pytest.mark.timeout(240)
async def test_a_process_killed_at_any_moment_leaves_no_half_account(place, record_property):
    """Fifty kills. A failure names the seed; with it the kills come after the same times again."""
    record_property("seed", SEED)
    told = await asyncio.to_thread(kill_some, place, random.Random(SEED))
    counts = Counter(kind for kind, *_ in told)
    assert counts["signed_up"], f"seed {SEED}: nothing was done"
    assert counts["reset"], f"seed {SEED}: nothing was done"
    app = make_app(place)
    await app.open()
    try:
        await look_at_accounts(app, place, told)
        await look_at_sessions(app, told)
        await look_at_events(app, told)
    finally:
        await app.close()


async def look_at_accounts(app, place, told):
    services = app.services
    done = {kind: {each[1] for each in told if each[0] == kind} for kind in ("signed_up", "reset")}
    async with Unit(services.database, is_read_only=True) as unit:
        users = {user.username: user for user in await unit.session.scalars(select(User))}
        members = set(await unit.session.scalars(select(KilledMember.user_id)))
        links = (await unit.session.execute(select(OneTimeLink.purpose, OneTimeLink.user_id, OneTimeLink.data))).all()
        queued = (await unit.session.scalars(select(QueuedMail))).all()
    assert done["signed_up"] <= users.keys(), f"seed {SEED}: an account that was answered is not there"
    # All of an account or nothing: what the app adds, the address, the password; and the link is gone with its use.
    assert {user.id for user in users.values()} == members
    assert all(user.has_confirmed_email and user.password_hash for user in users.values())
    assert not {data for purpose, _, data in links if purpose == Purpose.SIGN_UP} & {u.email for u in users.values()}
    noticed = Counter()
    for row in queued:
        mail = Mail.from_text(services.sealer.open(SEAL_PURPOSE, str(row.id), row.sealed), kind=row.kind)
        noticed[mail.to.partition("@")[0]] += mail.kind == "password-changed"
    for name, user in users.items():
        was_reset = services.hasher.verify(user.password_hash, SECOND)
        assert was_reset or services.hasher.verify(user.password_hash, FIRST)
        assert was_reset or name not in done["reset"], f"seed {SEED}: a reset that was answered is undone"
        if was_reset:
            # Written in one transaction with the password.
            assert not [each for each in links if each[:2] == (Purpose.RESET, user.id)]
            assert noticed[name] + sum("password" in mail and "/reset/" not in mail for mail in mails_to(place, name))


async def look_at_sessions(app, told):
    """A new password and an old session do not stand beside each other."""
    for _, who, cookie in (each for each in told if each[0] == "signed_in"):
        async with Browser(app, origin=ORIGIN) as browser:
            page = await browser.raw("GET", "/", headers={"cookie": f"__Host-session={cookie}"})
        async with Unit(app.services.database, is_read_only=True) as unit:
            kept = await unit.session.scalar(select(User.password_hash).where(User.username == who))
        if app.services.hasher.verify(kept, SECOND):
            assert page.json() is None


async def look_at_events(app, told):
    """Each answer's event is in the chain, which is whole."""
    ledger = app.services.audit.ledger
    found = await verify(ledger, app.services.keyring)
    assert found.problems == [], f"seed {SEED}"
    async with Unit(app.services.database, is_read_only=True) as unit:
        ids = dict((await unit.session.execute(select(User.username, User.id))).all())
    events = Counter()
    for row in await every_row(ledger):
        body = json.loads(row.body)
        events[body.get("user_id", ""), body["event"], body["reason"]] += 1
    expected = {
        "signed_up": ("user_created", "created"),
        "signed_in": ("authn_login_success", "success"),
        "reset": ("authn_password_change", "password_set"),
    }
    for kind, who, *_ in (each for each in told if each[0] in expected):
        assert events[str(ids[who]), *expected[kind]] == 1, f"seed {SEED}: the event of an answer is lost"
