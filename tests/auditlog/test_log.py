"""Queue, group commit, spool and what is answered when neither takes an event."""

import asyncio
import json
import logging
import os
import sqlite3
import threading
from datetime import timedelta

import pytest

from fastness.auditlog import log as auditlog
from fastness.auditlog.chain import entry_of
from fastness.auditlog.errors import AuditUnavailableError
from fastness.auditlog.log import AuditLog, AuditSink
from fastness.auditlog.opening import make_audit_log
from fastness.auditlog.rules import AuditRules
from fastness.auditlog.spool import Spool
from fastness.auditlog.verifying import read_anchors, verify
from fastness.kernel.events import EventName, MemorySink, SecurityEvent
from fastness.kernel.logs import JSONFormatter
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from tests.auditlog.conftest import KEY


class Faulty:
    """A ledger that can be told to fail; otherwise it is the one inside."""

    def __init__(self, inside):
        self.inside = inside
        self.is_away = False
        self.appends = []
        self.commits_before_it_fails = False

    def __getattr__(self, name):
        return getattr(self.inside, name)

    async def append(self, entries, *, is_repeated):
        if self.is_away:
            if self.commits_before_it_fails:
                await self.inside.append(entries, is_repeated=is_repeated)
            message = "away"
            raise AuditUnavailableError(message)
        self.appends.append(len(entries))
        return await self.inside.append(entries, is_repeated=is_repeated)


@pytest.fixture
def make_log(tmp_path, keyring, clock, monkeypatch):
    monkeypatch.setattr(auditlog, "RETRY_SECONDS", 0.01)

    def make(**rules):
        made = make_audit_log(f"sqlite:///{tmp_path}/audit.sqlite3", AuditRules(**rules), keyring, clock)
        return AuditLog(Faulty(made.ledger), made.spool, rules=AuditRules(**rules), clock=clock)

    return make


@pytest.fixture
async def audit(make_log):
    audit = make_log()
    await audit.open()
    yield audit
    await audit.close()


def event(clock, number, name=EventName.AUTHN_LOGIN_FAIL, **values):
    return SecurityEvent(name=name, at=clock.now(), reason=f"rule_{number}", **values)


async def reasons(audit):
    return [json.loads(row.body)["reason"] for row in await audit.ledger.page(0, 10_000)]


async def test_a_flushed_event_is_in_the_table(audit, clock, keyring):
    audit.add(event(clock, 1))
    await audit.flush()
    assert await reasons(audit) == ["rule_1"]
    assert (await verify(audit.ledger, keyring)).is_whole


async def test_what_waits_is_one_transaction(audit, clock):
    for number in range(50):
        audit.add(event(clock, number))
    await asyncio.gather(*(audit.flush() for _ in range(5)))
    assert audit.ledger.appends == [50]


async def test_a_request_waits_for_its_own_events_only(audit, clock):
    assert audit.mark_of("mine") is None

    async def other():
        audit.add(event(clock, 1, request_id="other"))
        assert audit.mark_of("other") is not None

    await asyncio.create_task(other())
    assert audit.mark_of("mine") is None
    audit.add(event(clock, 2, request_id="mine", name=EventName.CSP_VIOLATION))
    mark = audit.mark_of("mine")
    assert mark is not None
    assert not mark.is_serious
    await audit.flush(mark)
    assert audit.marks == {}


async def test_an_event_without_a_request_id_belongs_to_the_task(audit, clock):
    audit.add(event(clock, 1))
    assert audit.mark_of("").is_serious


async def test_events_of_other_threads_arrive(audit, clock):
    thread = threading.Thread(target=audit.add, args=(event(clock, 1),))
    thread.start()
    await asyncio.to_thread(thread.join)
    await audit.flush()
    assert await reasons(audit) == ["rule_1"]


async def test_events_before_the_start_are_written_after_it(make_log, clock):
    audit = make_log()
    audit.add(event(clock, 1))
    with pytest.raises(AuditUnavailableError):
        await audit.flush()
    await audit.open()
    await audit.flush()
    assert await reasons(audit) == ["rule_1"]
    await audit.close()


async def test_what_was_queued_before_a_fork_is_written_once(make_log, clock):
    first, second = make_log(), make_log()
    first.add(event(clock, 1))
    second._waiting.extend(first._waiting)
    second._added = 1
    for audit in (first, second):
        await audit.open()
        await audit.flush()
        assert not audit.spool.has_lines()
    assert await reasons(second) == ["rule_1"]
    await first.close()
    await second.close()


async def test_the_end_writes_what_waits(make_log, clock):
    audit = make_log()
    await audit.open()
    audit.add(event(clock, 1))
    await audit.close()
    again = make_log()
    await again.open()
    assert await reasons(again) == ["rule_1"]
    await again.close()


async def moved(audit, count):
    """Until the background task has moved the spool; the test's own timeout ends a wait in vain."""
    while True:
        try:
            if len(await reasons(audit)) >= count:
                return
        except AuditUnavailableError:
            pass
        await asyncio.sleep(0)


async def test_while_the_table_is_away_the_spool_takes_events_and_gives_them_back(audit, clock, keyring):
    audit.ledger.is_away = True
    audit.add(event(clock, 1))
    await audit.flush()
    assert audit.spool.has_lines()
    assert audit.spool.path.stat().st_mode & 0o077 == 0
    assert not audit.is_broken
    audit.ledger.is_away = False
    await moved(audit, 1)
    audit.add(event(clock, 2))
    await audit.flush()
    assert await reasons(audit) == ["rule_1", "rule_2"]
    assert (await verify(audit.ledger, keyring)).is_whole


async def test_an_append_whose_answer_was_lost_is_not_written_twice(audit, clock):
    audit.ledger.is_away = audit.ledger.commits_before_it_fails = True
    audit.add(event(clock, 1))
    await audit.flush()
    audit.ledger.is_away = False
    audit.add(event(clock, 2))
    await audit.flush()
    assert await reasons(audit) == ["rule_1", "rule_2"]


async def test_the_spool_of_a_process_that_died_is_found_by_the_next(make_log, clock):
    first = make_log()
    await first.open()
    first.ledger.is_away = True
    first.add(event(clock, 1))
    await first.flush()
    await first.close()
    second = make_log()
    await second.open()
    await moved(second, 1)
    assert await reasons(second) == ["rule_1"]
    await second.close()


async def test_a_line_put_into_the_spool_stays_out_and_is_told(make_log, clock):
    audit = make_log()
    forger = Spool(audit.spool.path, Keyring(Secret("Wv3Qm8Zr1Tx6Kn9Bs4Yd7Hc2Jp5Lf0Gu-other")))
    forger.write([entry_of(event(clock, 1))])
    with audit.spool.path.open("ab") as file:
        file.write(b"junk\n")
    await audit.open()
    await moved(audit, 1)
    row = json.loads((await audit.ledger.page(0, 1))[0].body)
    assert (row["event"], row["reason"], row["detail"]) == ("audit_fail", "spool_forged", {"count": "2"})
    await audit.close()


async def test_what_neither_takes_is_not_acknowledged_and_kept_for_later(audit, clock, keyring):
    audit.ledger.is_away = True
    # A folder where the file should be: no open() of it can succeed, for root neither.
    audit.spool.path.mkdir()
    audit.add(event(clock, 1))
    with pytest.raises(AuditUnavailableError):
        await audit.flush()
    assert audit.is_broken
    audit.ledger.is_away = False
    audit.add(event(clock, 2))
    await audit.flush()
    assert not audit.is_broken
    assert await reasons(audit) == ["rule_1", "rule_2"]
    assert (await verify(audit.ledger, keyring)).is_whole


async def test_everybody_who_waits_is_answered_however_many_events_wait(audit, clock, monkeypatch):
    monkeypatch.setattr(auditlog, "MAX_AT_ONCE", 3)
    audit.ledger.is_away = True
    audit.spool.path.mkdir()
    for number in range(10):
        audit.add(event(clock, number))
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(audit.flush() for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [AuditUnavailableError] * 3


@pytest.mark.parametrize("cut", [pytest.param(1, id="the-end-of-the-line"), pytest.param(40, id="half-of-it")])
async def test_a_line_that_was_cut_off_takes_no_other_event_with_it(make_log, clock, cut):
    audit = make_log()
    audit.spool.write([entry_of(event(clock, 1)), entry_of(event(clock, 2))])
    os.truncate(audit.spool.path, audit.spool.path.stat().st_size - cut)
    audit.spool.write([entry_of(event(clock, 3))])
    await audit.open()
    await moved(audit, 3)
    assert await reasons(audit) == ["rule_1", *(["rule_2", "rule_3"] if cut == 1 else ["rule_3", "spool_forged"])]
    await audit.close()


async def test_a_table_that_keeps_everybody_waiting_does_not_keep_others_out_of_the_spool(audit, clock):
    audit.ledger.is_away = True
    audit.add(event(clock, 1))
    await audit.flush()
    blocked = asyncio.Event()
    append = audit.ledger.inside.append

    async def wait(entries, *, is_repeated):
        blocked.set()
        await release.wait()
        return await append(entries, is_repeated=is_repeated)

    release = asyncio.Event()
    audit.ledger.inside.append = wait
    audit.ledger.is_away = False
    await blocked.wait()
    async with asyncio.timeout(5):
        await asyncio.to_thread(Spool(audit.spool.path, Keyring(Secret(KEY))).write, [entry_of(event(clock, 2))])
    release.set()
    await moved(audit, 2)
    assert await reasons(audit) == ["rule_1", "rule_2"]


async def test_a_long_spool_is_moved_in_groups(audit, clock, monkeypatch):
    monkeypatch.setattr(auditlog, "MAX_AT_ONCE", 3)
    audit.ledger.is_away = True
    for number in range(10):
        audit.add(event(clock, number))
    await audit.flush()
    audit.ledger.is_away = False
    await moved(audit, 10)
    assert max(audit.ledger.appends) == 3
    assert await reasons(audit) == [f"rule_{number}" for number in range(10)]


async def test_a_spool_that_cannot_be_read_is_said_once_and_read_when_it_can_be(audit, clock, caplog):
    audit.ledger.is_away = True
    audit.add(event(clock, 1))
    await audit.flush()
    aside, link = audit.spool.path.with_suffix(".aside"), audit.spool.path.with_suffix(".link")
    aside.hardlink_to(audit.spool.path)
    link.symlink_to(aside)
    link.replace(audit.spool.path)
    audit.ledger.is_away = False
    for number in range(5):
        audit.add(event(clock, number + 2))
        await audit.flush()
    assert len([record for record in caplog.records if "cannot be read" in record.getMessage()]) == 1
    aside.replace(audit.spool.path)
    await moved(audit, 6)
    assert "rule_1" in await reasons(audit)


@pytest.mark.parametrize("number", [2**63 - 1, -7])
async def test_a_row_after_which_there_is_no_number_stops_nobody(audit, clock, number):
    audit.add(event(clock, 1))
    await audit.flush()
    forger = sqlite3.connect(audit.ledger.path)
    forger.execute("DELETE FROM entry")
    forger.execute("DELETE FROM head")
    forger.execute("INSERT INTO entry VALUES (?, 'x', 0, '{}', x'', x'', x'')", (number,))
    forger.commit()
    audit.add(event(clock, 2))
    async with asyncio.timeout(5):
        await audit.flush()
    assert audit.spool.has_lines()
    forger.execute("DELETE FROM entry")
    forger.commit()
    forger.close()
    audit.add(event(clock, 3))
    await audit.flush()
    assert {"rule_2", "rule_3"} <= set(await reasons(audit))


async def test_an_error_that_nobody_expected_ends_neither_the_log_nor_a_request(audit, clock, monkeypatch):
    async def fail(_entries, *, is_repeated):
        raise RuntimeError(f"can't start new thread, {is_repeated}")

    with monkeypatch.context() as patch:
        patch.setattr(audit.ledger, "append", fail)
        audit.add(event(clock, 1))
        async with asyncio.timeout(5):
            with pytest.raises(AuditUnavailableError):
                await audit.flush()
        assert audit.is_broken
    audit.add(event(clock, 2))
    await audit.flush()
    assert await reasons(audit) == ["rule_1", "rule_2"]


async def test_events_beyond_memory_are_counted_in_a_row(audit, clock, monkeypatch):
    monkeypatch.setattr(auditlog, "MAX_WAITING", 3)
    for number in range(5):
        audit.add(event(clock, number))
    await audit.flush()
    await moved(audit, 4)
    assert await reasons(audit) == ["rule_0", "rule_1", "rule_2", "only_in_log"]


async def test_who_signed_in_is_not_told_so_where_the_event_found_no_room(audit, clock, monkeypatch):
    monkeypatch.setattr(auditlog, "MAX_WAITING", 1)
    audit.add(event(clock, 1, request_id="other"))

    async def request(name):
        audit.add(event(clock, 2, request_id="mine", name=name))
        mark = audit.mark_of("mine")
        if mark is not None:
            await audit.flush(mark)

    with pytest.raises(AuditUnavailableError):
        await asyncio.create_task(request(EventName.AUTHN_LOGIN_SUCCESS))
    audit.forget("mine")
    await asyncio.create_task(request(EventName.CSP_VIOLATION))
    await audit.flush()
    await moved(audit, 2)
    assert set(await reasons(audit)) == {"rule_1", "only_in_log"}


async def test_a_file_that_was_taken_away_is_missed(audit, clock, tmp_path):
    for number in (1, 2, 3):
        audit.add(event(clock, number))
    await audit.flush()
    (tmp_path / "audit.sqlite3").rename(tmp_path / "stolen.sqlite3")
    audit.add(event(clock, 4))
    await audit.flush()
    await moved(audit, 2)
    assert await reasons(audit) == ["rule_4", "chain_restarted"]


async def test_the_log_has_lines_that_the_chain_is_held_against(make_log, clock, keyring, caplog):
    caplog.set_level(logging.INFO, logger="fastness.audit")
    audit = make_log(checkpoint_seconds=60)
    await audit.open()
    for seconds in (0, 10, 60):
        clock.advance(seconds)
        audit.add(event(clock, seconds))
        await audit.flush()
    clock.advance(10)
    audit.add(event(clock, 2))
    await audit.close()
    lines = [JSONFormatter().format(record) for record in caplog.records if record.name == "fastness.audit"]
    anchors = list(read_anchors(lines, keyring))
    assert [anchor.number for anchor in anchors] == [1, 3, 4]
    forged = [line.replace('"row":3', '"row":300') for line in lines]
    assert [anchor.number for anchor in read_anchors(["", "{audit checkpoint", *forged], keyring)] == [1, 4]
    again = make_log()
    await again.ledger.open()
    assert (await verify(again.ledger, keyring, anchors=anchors)).anchors == 3
    await again.ledger.close()


async def test_a_clock_that_was_set_back_does_not_keep_the_log_without_checkpoints(make_log, clock, caplog):
    caplog.set_level(logging.INFO, logger="fastness.audit")
    audit = make_log(checkpoint_seconds=60)
    await audit.open()
    for days in (0, 1):
        clock.set(clock.now() - timedelta(days=days))
        audit.add(event(clock, days))
        await audit.flush()
    assert [record.getMessage() for record in caplog.records] == ["audit checkpoint"] * 2
    await audit.close()


async def test_old_events_are_removed_by_age(make_log, clock, keyring):
    audit = make_log(keep_days=30)
    await audit.open()
    audit.add(event(clock, 1))
    await audit.flush()
    assert await audit.purge() == 0
    clock.advance(timedelta(days=31).total_seconds())
    audit.add(event(clock, 2))
    await audit.flush()
    assert await audit.purge() == 1
    assert await reasons(audit) == ["rule_2", "age"]
    assert (await verify(audit.ledger, keyring)).is_whole
    await audit.close()


async def test_what_is_kept_for_ever_is_not_removed(make_log, clock):
    audit = make_log(keep_days=None)
    await audit.open()
    audit.add(event(clock, 1))
    await audit.flush()
    clock.advance(timedelta(days=10_000).total_seconds())
    assert await audit.purge() == 0
    await audit.close()


async def test_the_line_is_written_before_the_event_is_queued(audit, clock):
    lines = MemorySink()
    sink = AuditSink(lines, audit)
    sink.emit(event(clock, 1))
    assert len(lines.events) == 1
    await audit.flush()
    assert await reasons(audit) == ["rule_1"]
