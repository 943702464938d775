"""What is done to the table, and which row is named for it. The one who does it has no key."""

# ruff: noqa: S608 - the one who tampers writes SQL as it comes

import asyncio
import json
import sqlite3
from datetime import timedelta

import asyncpg
import pytest

from fastness.auditlog.chain import GENESIS, Entry, entry_of, link_of
from fastness.auditlog.errors import AuditDamagedError
from fastness.auditlog.opening import make_ledger
from fastness.auditlog.verifying import Anchor, Harm, Problem, as_json, verify
from fastness.kernel.events import EventName, SecurityEvent
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from tests.auditlog.pages import every_row

ROWS = 9
PAGE_BYTES = 4096


def event(clock, number, **values):
    return SecurityEvent(name=EventName.AUTHZ_FAIL, at=clock.now(), reason=f"rule_{number}", **values)


async def fill(ledger, clock, count=ROWS):
    for number in range(1, count + 1):
        clock.advance(1)
        await ledger.append([entry_of(event(clock, number))], is_repeated=False)


@pytest.fixture
def execute(audit_url):
    """Runs statements as somebody who can write the table; {t} is where the tables are."""

    async def run(*statements):
        if audit_url.startswith("sqlite"):
            connection = sqlite3.connect(audit_url.removeprefix("sqlite:///"), isolation_level=None)
            connection.executescript(";".join(statement.format(t="main") for statement in statements))
            connection.close()
        else:
            server = await asyncpg.connect(audit_url)
            for statement in statements:
                await server.execute(statement.format(t="fastness_audit"))
            await server.close()

    return run


def swap(first, second):
    return (
        f"UPDATE {{t}}.entry SET number = -1 WHERE number = {first}",
        f"UPDATE {{t}}.entry SET number = {first} WHERE number = {second}",
        f"UPDATE {{t}}.entry SET number = {second} WHERE number = -1",
    )


def renumber_after(removed):
    return tuple(
        f"UPDATE {{t}}.entry SET number = {number - 1} WHERE number = {number}"
        for number in range(removed + 1, ROWS + 1)
    )


async def test_a_whole_chain_is_whole(ledger, keyring, clock):
    await fill(ledger, clock)
    found = await verify(ledger, keyring)
    assert (found.problems, found.rows, found.first, found.last) == ([], ROWS, 1, ROWS)


async def test_an_empty_chain_is_whole(ledger, keyring):
    assert (await verify(ledger, keyring)).is_whole


@pytest.mark.parametrize(
    ("statements", "problems"),
    [
        pytest.param(
            ["UPDATE {t}.entry SET body = replace(body, 'rule_4', 'rule_5') WHERE number = 4"],
            [(Harm.CHANGED, 4, 4)],
            id="the-event-changed",
        ),
        pytest.param(
            ["UPDATE {t}.entry SET at = at - 1 WHERE number = 4"], [(Harm.CHANGED, 4, 4)], id="its-time-changed"
        ),
        pytest.param(
            ["UPDATE {t}.entry SET id = 'x' WHERE number = 1"], [(Harm.CHANGED, 1, 1)], id="the-first-changed"
        ),
        pytest.param(
            [f"UPDATE {{t}}.entry SET body = 'x' WHERE number = {ROWS}"],
            [(Harm.CHANGED, ROWS, ROWS)],
            id="the-last-changed",
        ),
        pytest.param(
            ["UPDATE {t}.entry SET previous = link WHERE number = 4"],
            [(Harm.CHANGED, 4, 4)],
            id="its-predecessor-changed",
        ),
        pytest.param(
            ["UPDATE {t}.entry SET link = previous WHERE number = 4"], [(Harm.CHANGED, 4, 4)], id="its-link-changed"
        ),
        pytest.param(
            [f"UPDATE {{t}}.entry SET seal = link WHERE number = {ROWS}"],
            [(Harm.UNSEALED, ROWS, ROWS)],
            id="the-last-seal-changed",
        ),
        pytest.param(
            ["UPDATE {t}.entry SET body = 'x' WHERE number IN (2, 7)"],
            [(Harm.CHANGED, 2, 2), (Harm.CHANGED, 7, 7)],
            id="two-changed",
        ),
        pytest.param(["DELETE FROM {t}.entry WHERE number = 4"], [(Harm.MISSING, 4, 4)], id="one-removed"),
        pytest.param(["DELETE FROM {t}.entry WHERE number IN (4, 5, 6)"], [(Harm.MISSING, 4, 6)], id="three-removed"),
        pytest.param(["DELETE FROM {t}.entry WHERE number < 3"], [(Harm.MISSING, 1, 2)], id="the-first-removed"),
        pytest.param(
            [f"DELETE FROM {{t}}.entry WHERE number >= {ROWS - 1}"],
            [(Harm.TRUNCATED, ROWS - 1, ROWS)],
            id="the-last-removed",
        ),
        pytest.param(["DELETE FROM {t}.entry"], [(Harm.TRUNCATED, 1, ROWS)], id="all-removed"),
        pytest.param(
            ["DELETE FROM {t}.entry WHERE number = 4", *renumber_after(4)],
            [(Harm.MISSING, 4, 4), (Harm.TRUNCATED, ROWS, ROWS)],
            id="removed-and-the-rest-renumbered",
        ),
        pytest.param(
            ["DELETE FROM {t}.entry", "DELETE FROM {t}.head"],
            [],
            id="everything-removed-is-found-by-the-log-lines-only",
        ),
        pytest.param(["DELETE FROM {t}.head"], [(Harm.HEAD, ROWS, ROWS)], id="the-head-removed"),
        pytest.param(["UPDATE {t}.head SET number = 3"], [(Harm.HEAD, ROWS, ROWS)], id="the-head-moved-back"),
        pytest.param(swap(4, 5), [(Harm.MOVED, 4, 4)], id="two-neighbours-swapped"),
        pytest.param(swap(4, 8), [(Harm.MOVED, 4, 4), (Harm.MOVED, 8, 8)], id="two-far-rows-swapped"),
        pytest.param(
            ["UPDATE {t}.entry SET number = 0 WHERE number = 4"],
            [(Harm.INSERTED, 0, 0), (Harm.MISSING, 4, 4)],
            id="moved-before-all",
        ),
    ],
)
async def test_what_was_done_is_named(ledger, keyring, clock, execute, statements, problems):
    await fill(ledger, clock)
    await execute(*statements)
    found = await verify(ledger, keyring)
    assert found.problems == [Problem(*problem) for problem in problems]


async def forge(execute, rows):
    for number, row, previous, link in rows:
        await execute(
            "INSERT INTO {t}.entry (number, id, at, body, previous, link, seal) VALUES "
            f"({number}, '{row.id}', {row.at!r}, '{row.body}', {previous}, {link}, {link})"
        )


def literal(audit_url, data):
    return f"x'{data.hex()}'" if audit_url.startswith("sqlite") else f"'\\x{data.hex()}'::bytea"


def shift(start):
    return [
        f"UPDATE {{t}}.entry SET number = {number + 1} WHERE number = {number}" for number in range(ROWS, start - 1, -1)
    ]


async def test_a_row_put_in_with_the_right_hash_is_named(ledger, keyring, clock, execute, audit_url):
    await fill(ledger, clock)
    before = (await ledger.page(3, 1))[0]
    entry = Entry("f" * 32, before.at, "x")
    await execute(*shift(5))
    link = literal(audit_url, link_of(before.link, entry))
    await forge(execute, [(5, entry, literal(audit_url, before.link), link)])
    found = await verify(ledger, keyring)
    assert Problem(Harm.INSERTED, 5, 5) in found.problems
    assert all(problem.first == 5 or problem.harm is Harm.HEAD for problem in found.problems)


async def test_rows_put_in_at_the_end_are_named(ledger, keyring, clock, execute, audit_url):
    await fill(ledger, clock)
    last = (await ledger.page(ROWS - 1, 1))[0]
    entry = Entry("f" * 32, last.at, "x")
    link = literal(audit_url, link_of(last.link, entry))
    await forge(execute, [(ROWS + 1, entry, literal(audit_url, last.link), link)])
    assert (await verify(ledger, keyring)).problems == [Problem(Harm.UNSEALED, ROWS + 1, ROWS + 1)]
    # The next append tells of it in a row of its own.
    extension = await ledger.append([entry_of(event(clock, 99))], is_repeated=False)
    assert extension.fault == "head_forged"
    assert json.loads(extension.rows[0].body)["event"] == "audit_fail"


async def test_a_chain_written_anew_without_the_key_is_unsealed(ledger, keyring, clock):
    await fill(ledger, clock)
    other = Keyring(Secret("Wv3Qm8Zr1Tx6Kn9Bs4Yd7Hc2Jp5Lf0Gu-other"))
    found = await verify(ledger, other)
    assert found.problems == [Problem(Harm.UNSEALED, 1, ROWS), Problem(Harm.HEAD, ROWS, ROWS)]


async def test_rows_of_a_retired_key_are_covered_by_the_rows_after_them(audit_url, ledger, keyring, clock):
    await fill(ledger, clock)
    new = Secret("Wv3Qm8Zr1Tx6Kn9Bs4Yd7Hc2Jp5Lf0Gu-new")
    ledger._keyring = Keyring(new, (Secret("kq4Zt8Vx1Lw6Rn3Bs9Yd2Hm7Jc5Pf0Ga-audit"),))
    extension = await ledger.append([entry_of(event(clock, 10))], is_repeated=False)
    assert extension.fault is None
    assert (await verify(ledger, Keyring(new))).is_whole


async def test_a_cut_tail_is_told_by_the_next_append(ledger, keyring, clock, execute):
    await fill(ledger, clock)
    await execute(f"DELETE FROM {{t}}.entry WHERE number = {ROWS}")
    extension = await ledger.append([entry_of(event(clock, 10))], is_repeated=False)
    assert extension.fault == "tail_cut"
    found = await verify(ledger, keyring)
    assert found.problems == [Problem(Harm.MISSING, ROWS, ROWS)]


async def test_an_older_copy_put_back_whole_is_found_by_the_checkpoints(ledger, keyring, clock, execute, audit_url):
    await fill(ledger, clock, 5)
    old = await ledger.head()
    await fill(ledger, clock, 4)
    newest = await ledger.head()
    await execute(
        "DELETE FROM {t}.entry WHERE number > 5",
        f"UPDATE {{t}}.head SET number = 5, link = {literal(audit_url, old.link)}, seal = {literal(audit_url, old.seal)}",
    )
    assert (await verify(ledger, keyring)).is_whole
    anchors = [Anchor(old.number, old.link), Anchor(newest.number, newest.link)]
    found = await verify(ledger, keyring, anchors=anchors)
    assert (found.problems, found.anchors) == ([Problem(Harm.TRUNCATED, 6, 9)], 1)


async def test_a_checkpoint_of_another_chain_contradicts(ledger, keyring, clock):
    await fill(ledger, clock)
    found = await verify(ledger, keyring, anchors=[Anchor(3, GENESIS)])
    assert found.problems == [Problem(Harm.CHANGED, 3, 3)]


def purged(clock):
    def tell(number, link):
        detail = {"through": str(number), "link": link.hex()}
        return entry_of(SecurityEvent(name=EventName.AUDIT_PURGED, at=clock.now(), reason="age", detail=detail))

    return tell


async def test_what_remains_after_a_purge_verifies(ledger, keyring, clock):
    await fill(ledger, clock)
    cut = (await ledger.page(4, 1))[0].at
    assert await ledger.purge(cut, 1000, purged(clock)) == 4
    found = await verify(ledger, keyring)
    assert (found.problems, found.first, found.last) == ([], 5, ROWS + 1)
    assert await ledger.purge(cut, 1000, purged(clock)) == 0
    clock.advance(1)
    assert await ledger.purge(clock.epoch(), 3, purged(clock)) == 3
    assert (await verify(ledger, keyring)).is_whole
    assert await ledger.purge(clock.epoch(), 1000, purged(clock)) > 0
    assert (await verify(ledger, keyring)).is_whole


async def test_rows_removed_without_a_purge_are_missing_even_after_one(ledger, keyring, clock, execute):
    await fill(ledger, clock)
    await ledger.purge((await ledger.page(4, 1))[0].at, 1000, purged(clock))
    await execute("DELETE FROM {t}.entry WHERE number <= 6")
    assert (await verify(ledger, keyring)).problems == [Problem(Harm.MISSING, 1, 6)]


async def test_an_old_time_written_into_a_row_does_not_get_it_purged(ledger, clock, execute):
    await fill(ledger, clock)
    await execute("UPDATE {t}.entry SET at = 0 WHERE number <= 2")
    with pytest.raises(AuditDamagedError):
        await ledger.purge(1.0, 1000, purged(clock))
    assert len(await ledger.page(0, 100)) == ROWS


async def test_a_repeated_append_writes_nothing_twice(ledger, keyring, clock):
    entries = [entry_of(event(clock, number)) for number in range(4)]
    await ledger.append(entries[:2], is_repeated=False)
    extension = await ledger.append(entries, is_repeated=True)
    assert [row.id for row in extension.rows] == [entry.id for entry in entries[2:]]
    assert (await verify(ledger, keyring)).rows == 4


async def test_two_appenders_keep_one_chain(ledger, keyring, clock, audit_url):
    other = make_ledger(audit_url, keyring, clock)
    await other.open()
    try:
        await asyncio.gather(
            *(one.append([entry_of(event(clock, n))], is_repeated=False) for n in range(20) for one in (ledger, other))
        )
    finally:
        await other.close()
    found = await verify(ledger, keyring)
    assert (found.problems, found.rows) == ([], 40)


async def test_what_the_attacker_chose_is_escaped_and_secrets_are_left_out(ledger, clock):
    nasty = event(clock, 1, client_ip="1\n2", detail={"name": "\u202egnp\x1b[2J\x7f", "password": "hunter2"})
    await ledger.append([entry_of(nasty)], is_repeated=False)
    row = (await ledger.page(0, 1))[0]
    for text in (row.body, as_json(row)):
        assert text.isprintable()
        assert text.isascii()
        assert "hunter2" not in text
    assert json.loads(as_json(row))["detail"] == {"name": "\u202egnp\x1b[2J\x7f", "password": "[redacted]"}


def test_every_part_of_an_entry_is_in_its_link(clock):
    entry = entry_of(event(clock, 1))
    others = [
        (GENESIS, entry._replace(id="x")),
        (GENESIS, entry._replace(at=entry.at + 1e-6)),
        (GENESIS, entry._replace(body=entry.body + " ")),
        (bytes([1]) * 32, entry),
        (GENESIS, Entry(entry.id + entry.body[:1], entry.at, entry.body[1:])),
    ]
    assert len({link_of(*other) for other in [(GENESIS, entry), *others]}) == len(others) + 1


async def test_values_of_any_type_in_the_file_end_in_a_problem_and_no_error(tmp_path, keyring, clock):
    from fastness.auditlog.sqlite import SQLiteLedger

    ledger = SQLiteLedger(tmp_path / "audit.sqlite3", keyring, tell_fault=lambda _: entry_of(event(clock, 0)))
    await ledger.open()
    await fill(ledger, clock, 3)
    connection = sqlite3.connect(tmp_path / "audit.sqlite3", isolation_level=None)
    connection.execute("UPDATE entry SET body = x'00', link = 'text', at = 'soon', seal = 1.5 WHERE number = 3")
    connection.execute("UPDATE head SET link = 7, seal = 'x'")
    connection.close()
    found = await verify(ledger, keyring)
    assert {problem.harm for problem in found.problems} >= {Harm.CHANGED, Harm.HEAD}
    assert (await ledger.append([entry_of(event(clock, 1))], is_repeated=False)).fault is not None
    await ledger.close()


@pytest.mark.parametrize("number", [pytest.param(3, id="among-others"), pytest.param(ROWS, id="newest")])
async def test_bytes_that_are_no_text_are_a_changed_row_and_stop_nobody(tmp_path, keyring, clock, number):
    ledger = make_ledger(f"sqlite:///{tmp_path}/audit.sqlite3", keyring, clock)
    await ledger.open()
    await fill(ledger, clock)
    forger = sqlite3.connect(tmp_path / "audit.sqlite3")
    forger.execute("UPDATE entry SET body = CAST(x'7bff7d' AS TEXT) WHERE number = ?", (number,))
    forger.commit()
    forger.close()
    assert (await verify(ledger, keyring)).problems == [Problem(Harm.CHANGED, number, number)]
    assert json.loads(as_json((await every_row(ledger))[number - 1]))["event"] is None
    await fill(ledger, clock, 1)
    assert (await verify(ledger, keyring)).rows == ROWS + 1
    await ledger.close()


@pytest.mark.parametrize("page", [pytest.param(6, id="in-the-middle"), pytest.param(-1, id="at-the-end")])
async def test_a_page_of_the_file_that_is_damaged_is_named_by_its_rows(tmp_path, keyring, clock, page):
    path = tmp_path / "audit.sqlite3"
    ledger = make_ledger(f"sqlite:///{path}", keyring, clock)
    await ledger.open()
    await ledger.append([entry_of(event(clock, number)) for number in range(1, 301)], is_repeated=False)
    await ledger.close()
    damaged = leaves(path)[page]
    content = bytearray(path.read_bytes())
    content[(damaged - 1) * PAGE_BYTES : damaged * PAGE_BYTES] = b"\xff" * PAGE_BYTES
    path.write_bytes(content)
    ledger = make_ledger(f"sqlite:///{path}", keyring, clock)
    await ledger.open(is_read_only=True)
    found = await verify(ledger, keyring)
    assert [problem.harm for problem in found.problems] == [Harm.UNREADABLE]
    assert found.last == 300
    first, last = found.problems[0].first, found.problems[0].last
    assert 1 < last - first < 40
    assert found.rows == 300 - (last - first + 1)
    assert (last == 300) is (page == -1)
    await ledger.close()


def leaves(path):
    """The pages that hold the rows, in their order."""
    connection = sqlite3.connect(path)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entry'").fetchone()
    connection.close()
    content = path.read_bytes()
    start = (root - 1) * PAGE_BYTES
    cells = int.from_bytes(content[start + 3 : start + 5], "big")
    pointers = [int.from_bytes(content[start + 12 + 2 * cell : start + 14 + 2 * cell], "big") for cell in range(cells)]
    children = [int.from_bytes(content[start + each : start + each + 4], "big") for each in pointers]
    return [*children, int.from_bytes(content[start + 8 : start + 12], "big")]


def test_a_moment_later_is_another_link(clock):
    first = event(clock, 1)
    later = SecurityEvent(name=first.name, at=first.at + timedelta(microseconds=1), reason=first.reason)
    assert link_of(GENESIS, entry_of(first)) != link_of(GENESIS, entry_of(later))
