"""Two requests of one browser at once, in every order that matters; and two processes on one file."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fastness.kernel.clock import SystemClock
from fastness.sessions.manager import ROTATION_RACE_SECONDS, SaveResult, Sessions
from fastness.sessions.rules import SessionRules
from fastness.sessions.session import RejectReason, SessionTooLargeError
from fastness.stores.store import StaleVersionError
from tests.sessions.conftest import Browser, make_identity
from tests.sessions.worker import make_store

NOTHING = SaveResult()
WORKER = Path(__file__).with_name("worker.py")


def values(session):
    return {key: session.get(key) for key in sorted(session.keys())}


def run_workers(place, cookie, *keys):
    processes = [
        subprocess.Popen(
            [sys.executable, str(WORKER), place, cookie, key],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for key in keys
    ]
    results = []
    for process in processes:
        output, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
        results.append(json.loads(output))
    return results


@pytest.fixture
async def pair(browser):
    """Two requests that loaded the same session before either saved."""
    await browser.sign_in()
    await browser.visit(lambda session: (session.set("kept", 1), session.set("shared", 0)))
    return await browser.load(), await browser.load()


class TestValues:
    async def test_different_keys_both_survive(self, browser, pair):
        first, second = pair
        first.set("a", 1)
        second.set("b", 2)
        await browser.save(first)
        await browser.save(second)
        session = await browser.load()
        assert values(session) == {"kept": 1, "shared": 0, "a": 1, "b": 2}

    async def test_of_the_same_key_the_last_write_stays(self, browser, pair):
        for n, session in enumerate(pair):
            session.set("shared", n + 1)
        await browser.save(pair[1])
        await browser.save(pair[0])
        assert (await browser.load()).get("shared") == 1

    async def test_a_deletion_survives(self, browser, pair):
        pair[0].delete("shared")
        pair[1].set("a", 1)
        await browser.save(pair[0])
        await browser.save(pair[1])
        assert set((await browser.load()).keys()) == {"kept", "a"}

    async def test_a_request_that_only_reads_overwrites_nothing(self, browser, pair, clock):
        first, second = pair
        first.set("a", 1)
        await browser.save(first)
        clock.advance(60)  # the reader's idle clock is due
        assert second.get("a") is None
        await browser.save(second)
        assert (await browser.load()).get("a") == 1

    async def test_a_session_can_be_saved_on_after_a_merge(self, browser, pair):
        first, second = pair
        for n in range(3):
            first.set("a", n)
            second.set("b", n)
            await browser.save(first)
            await browser.save(second)
        session = await browser.load()
        assert (session.get("a"), session.get("b")) == (2, 2)

    async def test_two_that_fit_alone_but_not_together(self, browser, pair):
        for name, session in zip("ab", pair, strict=True):
            session.set(name, "x" * 9_000)
        await browser.save(pair[0])
        with pytest.raises(SessionTooLargeError):
            await browser.save(pair[1])
        assert set((await browser.load()).keys()) == {"kept", "shared", "a"}

    async def test_a_session_that_never_holds_still_is_given_up(self, browser, sessions, store, pair):
        inner = store.put

        async def meddle(key, value, **options):
            if options.get("if_version"):
                await inner(key, (await store.get(key)).value, expires_at=None)
            return await inner(key, value, **options)

        pair[0].set("a", 1)
        store.put = meddle
        with pytest.raises(StaleVersionError):
            await sessions.save(pair[0])


class TestEnds:
    @pytest.mark.parametrize("how", ["sign_out", "end", "end_all", "expire"])
    @pytest.mark.parametrize("change", ["nothing", "touch", "value", "rotate", "refresh", "proof"])
    async def test_a_late_save_does_not_revive_an_ended_session(
        self, browser, sessions, store, users, clock, pair, how, change
    ):
        ending, late = pair
        match change:
            case "touch":
                clock.advance(60)
            case "value":
                late.set("a", 1)
            case "rotate":
                sessions.rotate(late)
            case "refresh":
                await sessions.refresh_identity(late, make_identity(is_staff=True))
            case "proof":
                sessions.sign_in(late, make_identity(authenticated_at=clock.epoch()))
        match how:
            case "sign_out":
                sessions.sign_out(ending)
                await sessions.save(ending)
            case "end":
                await sessions.end(ending)
            case "end_all":
                await sessions.end_all(users[0])
            case "expire":
                clock.advance(1_800)
                await sessions.load(browser.cookie)
        assert await sessions.save(late) == NOTHING
        assert await sessions.active_sessions(users[0]) == []
        assert await store.list_owned(str(users[0])) == []
        assert (await browser.load()).rejection

    async def test_what_was_given_up_stays_given_up(self, browser, sessions, users, pair):
        ending, late = pair
        await sessions.end(ending)
        late.set("a", 1)
        await sessions.save(late)
        assert (late.identity, late.keys(), late.is_changed) == (None, (), False)
        assert await sessions.save(late) == NOTHING
        assert await sessions.active_sessions(users[0]) == []

    async def test_signing_out_also_ends_what_a_rotation_made_of_the_session(self, browser, sessions, users, pair):
        rotating, leaving = pair
        sessions.rotate(rotating)
        await browser.save(rotating)
        sessions.sign_out(leaving)
        await sessions.save(leaving)
        assert await sessions.active_sessions(users[0]) == []
        assert (await browser.load()).rejection is RejectReason.ENDED

    @pytest.mark.parametrize("change", ["rotation", "proof"])
    async def test_signing_out_with_the_id_from_before_a_rotation_ends_the_session(
        self, browser, sessions, users, seen, change
    ):
        await browser.sign_in()
        former = browser.cookie
        # A page got the new id, and the browser sent the sign-out before the page had arrived.
        await browser.visit(sessions.rotate if change == "rotation" else lambda s: sessions.sign_in(s, s.identity))
        seen()
        leaving = await sessions.load(former)
        sessions.sign_out(leaving)
        assert (await sessions.save(leaving)).delete_cookie
        assert seen() == [("session_ended", "signed_out")]
        assert await sessions.active_sessions(users[0]) == []
        assert (await browser.load()).rejection is RejectReason.ENDED

    async def test_an_id_from_long_ago_signs_nobody_out(self, browser, sessions, users, clock):
        await browser.sign_in()
        former = browser.cookie
        await browser.visit(sessions.rotate)
        clock.advance(ROTATION_RACE_SECONDS)
        stolen = await sessions.load(former)
        sessions.sign_out(stolen)
        await sessions.save(stolen)
        assert (await browser.load()).identity is not None

    async def test_signing_out_follows_several_rotations(self, browser, sessions, users, pair):
        leaving = pair[1]
        for _ in range(5):
            await browser.visit(sessions.rotate)
        await sessions.end(leaving)
        assert await sessions.active_sessions(users[0]) == []

    async def test_end_all_between_the_two_writes_of_a_rotation(self, browser, sessions, store, users, pair):
        rotating = pair[0]
        sessions.rotate(rotating)
        inner = store.put

        async def interrupted(key, value, **options):
            version = await inner(key, value, **options)
            if options.get("if_version") == 0 and not options.get("durable"):
                await sessions.end_all(users[0])
            return version

        store.put = interrupted
        assert await sessions.save(rotating) == NOTHING
        assert await sessions.active_sessions(users[0]) == []

    @pytest.mark.parametrize("how", ["end_all", "end_one"])
    async def test_an_end_between_the_writes_of_somebody_who_proves_again(
        self, browser, sessions, store, users, pair, how
    ):
        proving, ending = pair
        sessions.sign_in(proving, make_identity())
        inner = store.put

        async def interrupted(key, value, **options):
            if options.get("durable"):
                store.put = inner
                await (sessions.end_all(users[0]) if how == "end_all" else sessions.end_one(users[0], ending.id_hash))
            return await inner(key, value, **options)

        store.put = interrupted
        assert await sessions.save(proving) == NOTHING
        assert store.put == inner
        assert await sessions.active_sessions(users[0]) == []

    @pytest.mark.parametrize("when", ["before_the_record", "with_the_record"])
    async def test_an_end_of_all_ends_a_sign_in_that_is_under_way(self, browser, sessions, store, users, when):
        await browser.visit(lambda session: session.set("a", 1))
        signing_in = await browser.load()
        sessions.sign_in(signing_in, make_identity())
        inner = store.put

        async def interrupted(key, value, **options):
            store.put = inner
            if when == "with_the_record":
                version = await inner(key, value, **options)
                await sessions.end_all(users[0])
                return version
            await sessions.end_all(users[0])
            return await inner(key, value, **options)

        store.put = interrupted
        assert await sessions.save(signing_in) == NOTHING
        assert signing_in.identity is None
        assert await sessions.active_sessions(users[0]) == []
        assert (await browser.load()).get("a") == 1  # the visitor is who they were

    async def test_a_sign_in_after_an_end_of_all_holds(self, browser, sessions, users):
        epoch = (await sessions.end_all(users[0])).epoch
        await browser.sign_in(make_identity(epoch=epoch))
        assert (await browser.load()).identity is not None

    async def test_end_all_while_a_rotation_merges(self, browser, sessions, store, users, pair):
        rotating, other = pair
        other.set("a", 1)
        await browser.save(other)
        sessions.rotate(rotating)
        inner = store.get

        async def interrupted(key):
            found = await inner(key)
            await sessions.end_all(users[0])
            return found

        store.get = interrupted
        result = await sessions.save(rotating)
        store.get = inner
        assert result == NOTHING
        assert await sessions.active_sessions(users[0]) == []


class TestRotations:
    async def test_a_value_stored_meanwhile_moves_along(self, browser, sessions, pair):
        storing, rotating = pair
        storing.set("a", 1)
        rotating.set("b", 2)
        sessions.rotate(rotating)
        await sessions.save(storing)
        await browser.save(rotating)
        session = await browser.load()
        assert values(session) == {"kept": 1, "shared": 0, "a": 1, "b": 2}

    async def test_a_value_stored_too_late_is_dropped_and_the_cookie_left_alone(self, browser, sessions, pair):
        storing, rotating = pair
        storing.set("a", 1)
        sessions.rotate(rotating)
        await browser.save(rotating)
        assert await sessions.save(storing) == NOTHING
        assert set((await browser.load()).keys()) == {"kept", "shared"}

    async def test_of_two_rotations_one_wins(self, browser, sessions, users, pair):
        for session in pair:
            sessions.rotate(session)
        results = [await sessions.save(session) for session in pair]
        assert results[0].cookie_value
        assert results[1] == NOTHING
        assert len(await sessions.active_sessions(users[0])) == 1

    async def test_two_sign_ins_from_one_form_both_work(self, browser, sessions, users):
        # Two tabs, or a double click: each response carries an id of its own, and the browser keeps one.
        await browser.visit(lambda session: session.set("a", 1))
        pair = [await browser.load(), await browser.load()]
        cookies = []
        for session in pair:
            sessions.sign_in(session, make_identity())
            cookies.append((await sessions.save(session)).cookie_value)
        assert [(await sessions.load(cookie)).identity is not None for cookie in cookies] == [True, True]
        assert len(await sessions.active_sessions(users[0])) == 2

    async def test_two_proofs_from_one_form_both_work(self, browser, sessions, users, pair):
        cookies = []
        for session in pair:
            sessions.sign_in(session, make_identity())
            cookies.append((await sessions.save(session)).cookie_value)
        assert [(await sessions.load(cookie)).identity is not None for cookie in cookies] == [True, True]
        assert len(await sessions.active_sessions(users[0])) == 2

    @pytest.mark.parametrize("follows_rotation", [False, True])
    async def test_what_a_rotation_made_of_the_session_is_spared_where_that_is_asked_for(
        self, browser, sessions, users, pair, follows_rotation
    ):
        for session in pair:
            await sessions.end_all(users[0], except_session=session, follows_rotation=follows_rotation)
            sessions.sign_in(session, make_identity())
            await browser.save(session)
        assert ((await browser.load()).identity is not None) is follows_rotation

    async def test_of_two_proofs_the_late_one_does_not_revive_what_the_first_made(self, browser, sessions, users, pair):
        for session in pair:
            sessions.sign_in(session, make_identity())
        await browser.save(pair[0])
        await sessions.end(await browser.load())
        assert await sessions.save(pair[1]) == NOTHING
        assert await sessions.active_sessions(users[0]) == []

    async def test_a_value_that_is_stored_while_somebody_proves_again_stops_nothing(self, browser, sessions, pair):
        proving, storing = pair
        sessions.sign_in(proving, make_identity())
        storing.set("a", 1)
        await sessions.save(storing)
        await browser.save(proving)
        assert (await browser.load()).identity is not None


class TestProcesses:
    async def test_two_processes_that_change_different_keys_lose_nothing(self, database_url):
        place = database_url.removeprefix("sqlite:///")
        store = make_store(place)
        await store.open()
        sessions = Sessions(store, SessionRules(), SystemClock())
        browser = Browser(sessions)
        await browser.sign_in()
        assert await asyncio.to_thread(run_workers, place, browser.cookie, "a", "b") == [{"own": 200}, {"own": 200}]
        session = await browser.load()
        assert values(session) == {"a": 200, "b": 200}
        assert session.identity.username == "anna"
        await store.close()
