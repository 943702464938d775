"""The life of a session, request by request."""

from uuid import uuid4

import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.tokens import hash_token, random_token
from fastness.sessions.manager import SaveResult, Sessions
from fastness.sessions.record import EndReason
from fastness.sessions.rules import SessionRules
from fastness.sessions.session import RejectReason, SessionTooLargeError
from fastness.stores.store import StoreUnavailableError
from tests.sessions.conftest import Browser, make_identity

NOTHING = SaveResult(None, delete_cookie=False, max_age_seconds=None)
HOUR = 3_600


def put(key, value):
    return lambda session: session.set(key, value)


class TestCreation:
    async def test_a_visitor_who_stores_nothing_gets_nothing(self, browser, store):
        assert await browser.visit() == NOTHING
        assert await browser.visit(lambda session: (session.set("a", 1), session.delete("a"))) == NOTHING
        assert (store.reads, store.writes) == (0, 0)

    async def test_the_first_value_makes_a_session(self, browser, store, seen):
        result = await browser.visit(put("a", 1))
        assert len(result.cookie_value) == 43
        assert (result.delete_cookie, result.max_age_seconds) == (False, None)
        session = await browser.load()
        assert (session.get("a"), session.identity, session.is_new, session.is_changed) == (1, None, False, False)
        assert seen() == []

    @pytest.mark.asvs("V7.2.3")
    async def test_only_a_hash_of_the_id_is_stored(self, browser, store):
        await browser.sign_in()
        (key,) = store._records
        assert key == b"session:" + hash_token(browser.cookie)
        assert browser.cookie.encode() not in b"".join(stored.value for stored in store._records.values())

    async def test_a_required_id_makes_a_session_and_stays(self, browser):
        session = await browser.load()
        id_hash = session.require_id()
        await browser.save(session)
        again = await browser.load()
        assert again.id_hash == id_hash
        assert again.has_id

    async def test_saving_twice_creates_once(self, browser, store):
        session = await browser.load()
        session.set("a", 1)
        assert (await browser.save(session)).cookie_value
        assert await browser.save(session) == NOTHING
        session.set("a", 2)
        assert await browser.save(session) == NOTHING
        assert (await browser.load()).get("a") == 2
        assert len(store._records) == 1

    @pytest.mark.asvs("V7.2.2", "V7.2.3")
    async def test_no_two_sessions_share_an_id(self, sessions):
        cookies = set()
        for _ in range(100):
            session = await sessions.load(None)
            session.set("a", 1)
            cookies.add((await sessions.save(session)).cookie_value)
        assert len(cookies) == 100


class TestForeignIds:
    @pytest.mark.parametrize(
        ("cookie", "reason", "reads"),
        [
            pytest.param(random_token(), RejectReason.UNKNOWN, 1, id="well-formed, made up"),
            pytest.param("", RejectReason.MALFORMED, 0, id="empty"),
            pytest.param("a" * 42, RejectReason.MALFORMED, 0, id="a character short"),
            pytest.param("a" * 44, RejectReason.MALFORMED, 0, id="a character long"),
            pytest.param("ä" * 43, RejectReason.MALFORMED, 0, id="not ASCII"),
            pytest.param("a" * 100_000, RejectReason.MALFORMED, 0, id="long"),
        ],
    )
    async def test_they_are_never_adopted(self, sessions, store, cookie, reason, reads):
        session = await sessions.load(cookie)
        assert (session.rejection, session.is_new, session.has_id) == (reason, True, False)
        assert store.reads == reads
        session.set("a", 1)
        result = await sessions.save(session)
        assert result.cookie_value != cookie
        assert (await sessions.load(cookie)).rejection
        assert (await sessions.load(result.cookie_value)).get("a") == 1

    async def test_a_dead_cookie_is_deleted(self, sessions):
        session = await sessions.load(random_token())
        assert await sessions.save(session) == SaveResult(delete_cookie=True)

    @pytest.mark.asvs("V7.2.1")
    async def test_the_hash_from_the_store_is_no_cookie(self, browser, store, sessions):
        await browser.sign_in()
        (key,) = store._records
        hexadecimal = key.removeprefix(b"session:").hex()
        assert (await sessions.load(hexadecimal[:43])).rejection

    async def test_what_somebody_else_wrote_under_the_key_is_no_session(self, sessions, store):
        cookie = random_token()
        await store.put(b"session:" + hash_token(cookie), b'{"user": "admin"}', expires_at=None)
        assert (await sessions.load(cookie)).rejection is RejectReason.UNKNOWN

    async def test_a_session_key_of_another_part_is_no_session(self, sessions, store):
        cookie = random_token()
        await store.put(hash_token(cookie), b"1\n1\n9e9\n0\n\n{}", expires_at=None)
        assert (await sessions.load(cookie)).rejection


class TestCost:
    async def test_a_signed_in_request_is_one_read_and_no_write(self, browser, store):
        await browser.sign_in()
        store.reads = store.writes = 0
        session = await browser.load()
        assert session.identity.username == "anna"
        assert await browser.save(session) == NOTHING
        assert (store.reads, store.writes) == (1, 0)

    async def test_the_idle_clock_is_written_once_a_minute(self, browser, store, clock):
        await browser.sign_in()
        store.writes = 0
        clock.advance(59)
        await browser.visit()
        assert store.writes == 0
        clock.advance(1)
        await browser.visit()
        await browser.visit()
        assert store.writes == 1

    async def test_a_dead_cookie_costs_one_read(self, browser, sessions, store):
        await browser.sign_in()
        cookie = browser.cookie
        await browser.visit(sessions.sign_out)
        store.reads = store.writes = 0
        await sessions.save(await sessions.load(cookie))
        assert (store.reads, store.writes) == (1, 0)


class TestExpiry:
    @pytest.mark.asvs("V7.3.1")
    async def test_idle(self, browser, clock, seen):
        await browser.sign_in()
        clock.advance(1_799)
        assert (await browser.load()).identity is not None
        clock.advance(1)
        seen()
        session = await browser.load()
        assert (session.rejection, session.identity, session.keys()) == (RejectReason.EXPIRED, None, ())
        assert seen() == [("session_expired", "idle_timeout")]

    async def test_a_visit_starts_the_idle_clock_again(self, browser, clock):
        await browser.sign_in()
        for _ in range(10):
            clock.advance(1_700)
            assert not (await browser.load()).rejection
            await browser.visit()

    @pytest.mark.asvs("V7.3.2")
    async def test_nothing_extends_the_absolute_life(self, browser, clock, seen):
        await browser.sign_in()
        for n in range(43_200 // 600 - 1):
            clock.advance(600)
            await browser.visit(put("n", n))
        clock.advance(599)
        assert not (await browser.load()).rejection
        await browser.visit(put("n", 0))
        clock.advance(1)
        seen()
        assert (await browser.load()).rejection is RejectReason.EXPIRED
        assert seen() == [("session_expired", "absolute_timeout")]

    async def test_rotation_does_not_extend_the_absolute_life(self, browser, sessions, clock):
        await browser.sign_in()
        for _ in range(43_200 // 1_200):
            clock.advance(1_200)
            await browser.visit(sessions.rotate)
        assert (await browser.load()).identity is None

    async def test_a_rotation_is_a_visit(self, browser, sessions, clock):
        await browser.sign_in()
        for _ in range(2):
            clock.advance(1_799)
            await browser.visit(sessions.rotate)
        assert (await browser.load()).identity is not None

    async def test_a_remembered_session_lives_for_30_days_idle_or_not(self, browser, clock):
        assert (await browser.sign_in(remember=True)).max_age_seconds == 30 * 86_400
        clock.advance(30 * 86_400 - 1)
        session = await browser.load()
        assert session.is_remembered
        assert await browser.save(session) == NOTHING
        clock.advance(1)
        assert (await browser.load()).rejection is RejectReason.EXPIRED

    async def test_a_rotated_cookie_lives_as_long_as_the_session(self, browser, sessions, clock):
        await browser.sign_in(remember=True)
        clock.advance(86_400)
        assert (await browser.visit(sessions.rotate)).max_age_seconds == 29 * 86_400

    async def test_stricter_rules_hold_for_sessions_that_exist(self, browser, store, clock):
        await browser.sign_in(remember=True)
        clock.advance(2 * HOUR)
        strict = Sessions(store, SessionRules(absolute_seconds=HOUR, remember_seconds=HOUR), clock)
        assert (await strict.load(browser.cookie)).rejection is RejectReason.EXPIRED

    async def test_an_anonymous_session_expires_without_a_word(self, browser, clock, seen):
        await browser.visit(put("a", 1))
        clock.advance(1_800)
        assert (await browser.load()).rejection is RejectReason.UNKNOWN
        assert seen() == []

    async def test_a_late_save_does_not_revive_an_expired_session(self, browser, sessions, clock):
        await browser.sign_in()
        session = await browser.load()
        clock.advance(1_800)
        assert (await sessions.load(browser.cookie)).rejection
        session.set("a", 1)
        assert await sessions.save(session) == NOTHING
        assert (await sessions.load(browser.cookie)).rejection

    async def test_expiry_is_said_once_and_use_after_it_each_time(self, browser, sessions, clock, seen):
        await browser.sign_in()
        clock.advance(1_800)
        seen()
        for _ in range(3):
            await browser.load()
        use = ("session_use_after_expire", "idle_timeout")
        assert seen() == [("session_expired", "idle_timeout"), use, use]

    async def test_purging_removes_what_nobody_can_use(self, browser, other_browser, sessions, store, clock):
        await browser.sign_in()
        await other_browser.visit(put("a", 1))
        clock.advance(1_800)
        assert await sessions.purge() == 1
        clock.advance(86_400)
        assert await sessions.purge() == 1
        assert store._records == {}


class TestSignIn:
    async def test_it_changes_the_id_and_the_old_one_dies(self, browser, sessions, seen):
        await browser.visit(put("a", 1))
        planted = browser.cookie
        await browser.sign_in()
        assert browser.cookie != planted
        assert (await browser.load()).identity.username == "anna"
        assert (await sessions.load(planted)).rejection is RejectReason.ROTATED
        assert seen() == [("session_created", "signed_in")]

    async def test_values_from_before_are_dropped_but_for_those_named(self, browser):
        await browser.visit(lambda session: (session.set("planted", 1), session.set("next", "/cases")))
        await browser.sign_in(keep=("next", "unknown"))
        session = await browser.load()
        assert (session.keys(), session.get("next")) == (("next",), "/cases")

    async def test_values_of_another_user_are_dropped(self, browser, users):
        await browser.sign_in()
        await browser.visit(put("secret", 1))
        annas = browser.cookie
        await browser.sign_in(make_identity(users[1], username="bob"))
        session = await browser.load()
        assert (session.identity.username, session.keys()) == ("bob", ())
        assert (await browser.sessions.load(annas)).rejection

    async def test_who_proves_again_keeps_the_values_and_gets_a_new_id_and_clock(self, browser, clock):
        await browser.sign_in()
        await browser.visit(put("draft", "text"))
        first = browser.cookie
        clock.advance(1_000)
        await browser.sign_in(make_identity(authenticated_at=clock.epoch()))
        session = await browser.load()
        assert session.get("draft") == "text"
        assert browser.cookie != first
        assert session._created == clock.epoch()

    async def test_the_new_id_is_known_before_saving(self, browser, sessions):
        await browser.visit(put("a", 1))
        session = await browser.load()
        before = session.id_hash
        sessions.sign_in(session, make_identity())
        during = session.id_hash
        await browser.save(session)
        assert before != during == (await browser.load()).id_hash

    async def test_what_is_stored_after_it_is_kept(self, browser, sessions):
        session = await browser.load()
        sessions.sign_in(session, make_identity())
        session.set("welcome", True)
        await browser.save(session)
        assert (await browser.load()).get("welcome") is True

    async def test_an_identity_that_is_too_large_is_refused(self, browser):
        permissions = frozenset(f"part{n}.a_permission_with_a_long_name" for n in range(1_000))
        with pytest.raises(SessionTooLargeError):
            await browser.sign_in(make_identity(permissions=permissions))


class TestRotation:
    async def test_everything_but_the_id_stays(self, browser, sessions, seen):
        await browser.sign_in()
        await browser.visit(put("a", 1))
        old = browser.cookie
        seen()
        await browser.visit(lambda session: (sessions.rotate(session), session.set("b", 2)))
        session = await browser.load()
        assert (session.identity.username, session.get("a"), session.get("b")) == ("anna", 1, 2)
        assert (await sessions.load(old)).rejection is RejectReason.ROTATED
        assert seen() == [("session_renewed", "rotated")]

    async def test_values_that_nobody_looked_at_stay(self, browser, sessions):
        await browser.visit(put("a", 1))
        await browser.visit(sessions.rotate)
        assert (await browser.load()).get("a") == 1

    async def test_a_session_that_is_not_stored_has_nothing_to_rotate(self, browser, sessions):
        assert await browser.visit(sessions.rotate) == NOTHING
        session = await browser.load()
        id_hash = session.require_id()
        sessions.rotate(session)
        assert session.id_hash == id_hash

    async def test_twice_in_a_request_is_once(self, browser, sessions, store):
        await browser.sign_in()
        await browser.visit(lambda session: (sessions.rotate(session), sessions.rotate(session)))
        assert (await browser.load()).identity is not None
        assert len(store._records) == 2

    async def test_a_request_under_way_leaves_the_new_cookie_alone(self, browser, sessions):
        await browser.sign_in()
        old = browser.cookie
        await browser.visit(sessions.rotate)
        assert await sessions.save(await sessions.load(old)) == NOTHING

    async def test_use_of_the_old_id_is_an_event_unless_it_was_under_way(self, browser, sessions, clock, seen):
        await browser.sign_in()
        old = browser.cookie
        await browser.visit(sessions.rotate)
        seen()
        clock.advance(9)
        await sessions.load(old)
        assert seen() == []
        clock.advance(1)
        await sessions.load(old)
        assert seen() == [("session_use_after_expire", "rotated")]

    async def test_sign_in_after_rotation_ends_the_stored_record(self, browser, sessions):
        await browser.visit(put("a", 1))
        old = browser.cookie
        await browser.visit(lambda session: (sessions.rotate(session), sessions.sign_in(session, make_identity())))
        session = await browser.load()
        assert (session.identity.username, session.keys()) == ("anna", ())
        assert (await sessions.load(old)).rejection


class TestSignOut:
    async def test_the_record_is_ended_and_the_cookie_deleted(self, browser, sessions, seen):
        await browser.sign_in()
        old = browser.cookie
        seen()
        assert await browser.visit(sessions.sign_out) == SaveResult(delete_cookie=True)
        assert seen() == [("session_ended", "signed_out")]
        session = await sessions.load(old)
        assert (session.rejection, session.identity, session.keys()) == (RejectReason.ENDED, None, ())
        assert seen() == [("session_use_after_expire", "signed_out")]

    async def test_nothing_of_the_session_is_left_in_the_store(self, browser, sessions, store):
        await browser.sign_in(make_identity(display_name="Anna Meier"))
        await browser.visit(put("draft", "private text"))
        await browser.visit(sessions.sign_out)
        (stored,) = store._records.values()
        assert b"Meier" not in stored.value
        assert b"private" not in stored.value
        assert stored.owner is None

    async def test_revocations_are_durable_writes_and_others_are_not(self, browser, sessions, store):
        await browser.visit(put("a", 1))
        await browser.sign_in()
        assert store.durable_writes == 0
        await browser.visit(sessions.rotate)
        assert store.durable_writes == 1
        await browser.visit(sessions.sign_out)
        assert store.durable_writes == 2

    async def test_a_notice_for_the_next_page_lives_in_a_new_session(self, browser, sessions):
        await browser.sign_in()
        old = browser.cookie
        await browser.visit(lambda session: (sessions.sign_out(session), session.set("notice", "bye")))
        session = await browser.load()
        assert (session.get("notice"), session.identity) == ("bye", None)
        assert browser.cookie != old
        assert (await sessions.load(old)).rejection

    async def test_ending_does_not_wait_for_the_save(self, browser, sessions):
        await browser.sign_in()
        session = await browser.load()
        await sessions.end(session)
        assert session.identity is None
        assert (await sessions.load(browser.cookie)).rejection is RejectReason.ENDED
        assert (await sessions.save(session)).delete_cookie

    async def test_signing_out_after_signing_in_within_a_request(self, browser, sessions):
        await browser.visit(put("a", 1))
        old = browser.cookie
        await browser.visit(lambda session: (sessions.sign_in(session, make_identity()), sessions.sign_out(session)))
        assert browser.cookie is None
        assert (await sessions.load(old)).rejection

    async def test_signing_out_when_nobody_is_signed_in(self, browser, sessions, store, seen):
        await browser.visit(sessions.sign_out)
        assert (store.writes, seen()) == (0, [])

    async def test_the_tombstone_goes_with_time(self, browser, sessions, clock, seen):
        await browser.sign_in()
        cookie = browser.cookie
        await browser.visit(sessions.sign_out)
        clock.advance(86_400)
        seen()
        assert (await sessions.load(cookie)).rejection is RejectReason.UNKNOWN
        assert seen() == []


class TestEndAll:
    async def test_all_sessions_of_the_user_and_of_nobody_else(self, sessions, users, seen):
        annas = [Browser(sessions) for _ in range(3)]
        bob, visitor = Browser(sessions), Browser(sessions)
        for browser in annas:
            await browser.sign_in()
        await bob.sign_in(make_identity(users[1]))
        await visitor.visit(put("a", 1))
        seen()
        assert (await sessions.end_all(users[0])).live == 3
        assert [event for event in seen() if event[0] != "session_ended"] == []
        assert [(await browser.load()).rejection for browser in annas] == [RejectReason.ENDED] * 3
        assert seen() == [("session_use_after_expire", "revoked")] * 3
        assert (await bob.load()).identity is not None
        assert (await visitor.load()).get("a") == 1
        assert (await sessions.end_all(users[0])).live == 0

    async def test_all_but_this_one(self, browser, other_browser, sessions, users):
        await browser.sign_in()
        await other_browser.sign_in()
        assert (await sessions.end_all(users[0], except_session=await browser.load())).live == 1
        assert (await browser.load()).identity is not None
        assert (await other_browser.load()).rejection

    async def test_this_one_may_be_about_to_rotate(self, browser, other_browser, sessions, users):
        # A change of password does both, in this order.
        await browser.sign_in()
        await other_browser.sign_in()
        session = await browser.load()
        sessions.rotate(session)
        await sessions.end_all(users[0], except_session=session)
        await browser.save(session)
        assert (await browser.load()).identity is not None
        assert (await other_browser.load()).rejection

    async def test_an_empty_session_spares_none(self, browser, sessions, users):
        await browser.sign_in()
        assert (await sessions.end_all(users[0], except_session=await sessions.load(None))).live == 1

    async def test_a_session_that_has_timed_out_is_not_counted(self, browser, sessions, users, clock):
        await browser.sign_in()
        clock.advance(1_800)
        assert (await sessions.end_all(users[0])).live == 0

    async def test_one_of_the_list(self, browser, other_browser, sessions, users, clock):
        await browser.sign_in()
        clock.advance(10)
        await other_browser.sign_in(remember=True)
        listed = await sessions.active_sessions(users[0])
        assert [summary.is_remembered for summary in listed] == [True, False]
        assert await sessions.end_one(users[0], listed[1].id_hash) is True
        assert (await browser.load()).rejection is RejectReason.ENDED
        assert (await other_browser.load()).identity is not None
        assert len(await sessions.active_sessions(users[0])) == 1

    async def test_one_of_somebody_else_is_not_ended(self, browser, sessions, users):
        await browser.sign_in()
        id_hash = (await browser.load()).id_hash
        assert await sessions.end_one(users[1], id_hash) is False
        assert await sessions.end_one(users[0], b"unknown") is False
        assert (await browser.load()).identity is not None


class TestStaleIdentity:
    async def test_a_bumped_epoch_shows_on_the_next_request(self, browser, store, users):
        await browser.sign_in()
        assert not (await browser.load()).identity_is_stale
        await store.bump_epoch(str(users[1]))
        assert not (await browser.load()).identity_is_stale
        await store.bump_epoch(str(users[0]))
        assert (await browser.load()).identity_is_stale

    async def test_a_refreshed_identity_is_saved(self, browser, sessions, store, users):
        await browser.sign_in(make_identity(roles=frozenset({"clerk"}), second_factor_at=5.0))
        await store.bump_epoch(str(users[0]))
        cookie = browser.cookie
        session = await browser.load()
        await sessions.refresh_identity(session, make_identity(authenticated_at=9e9))
        assert not session.identity_is_stale
        await browser.save(session)
        again = await browser.load()
        assert (again.identity.roles, again.identity.epoch, again.identity_is_stale) == (frozenset(), 1, False)
        # The user's row does not know when this visitor proved who they are.
        assert (again.identity.authenticated_at, again.identity.second_factor_at) == (1e9, 5.0)
        assert browser.cookie == cookie

    async def test_a_gain_of_privileges_changes_the_id(self, browser, sessions, store, users):
        await browser.sign_in()
        await store.bump_epoch(str(users[0]))
        old = browser.cookie
        session = await browser.load()
        await sessions.refresh_identity(session, make_identity(is_staff=True))
        await browser.save(session)
        assert (await browser.load()).identity.is_staff
        assert (await sessions.load(old)).rejection

    async def test_a_change_during_the_refresh_is_not_missed(self, browser, sessions, store, users):
        await browser.sign_in()
        await store.bump_epoch(str(users[0]))
        session = await browser.load()
        await store.bump_epoch(str(users[0]))
        await sessions.refresh_identity(session, make_identity(epoch=2))
        await browser.save(session)
        assert (await browser.load()).identity_is_stale

    async def test_a_user_who_is_gone_is_signed_out_at_once(self, browser, sessions, seen):
        await browser.sign_in()
        session = await browser.load()
        seen()
        await sessions.refresh_identity(session, None)
        assert session.identity is None
        assert (await sessions.load(browser.cookie)).rejection is RejectReason.ENDED
        assert seen() == [("session_ended", "revoked"), ("session_use_after_expire", "revoked")]

    @pytest.mark.parametrize("is_signed_in", [pytest.param(True, id="another user"), pytest.param(False, id="nobody")])
    async def test_a_refresh_is_no_way_to_become_somebody(self, browser, sessions, is_signed_in):
        if is_signed_in:
            await browser.sign_in()
        with pytest.raises(ConfigError):
            await sessions.refresh_identity(await browser.load(), make_identity(uuid4()))


class TestTrouble:
    async def test_with_the_store_away_nobody_is_signed_in(self, browser, sessions, store):
        await browser.sign_in()
        await store.close()
        with pytest.raises(StoreUnavailableError):
            await sessions.load(browser.cookie)
        assert await sessions.save(await sessions.load(None)) == NOTHING
        await store.open()

    async def test_a_page_does_not_fail_because_the_idle_clock_cannot_be_written(self, browser, store, clock, seen):
        await browser.sign_in()
        clock.advance(60)
        session = await browser.load()
        await store.close()
        seen()
        assert await browser.save(session) == NOTHING
        assert seen() == [("store_unavailable", "idle_clock")]
        await store.open()

    async def test_a_change_that_cannot_be_written_is_an_error(self, browser, store):
        await browser.sign_in()
        session = await browser.load()
        session.set("a", 1)
        await store.close()
        with pytest.raises(StoreUnavailableError):
            await browser.save(session)
        await store.open()

    async def test_a_request_can_bring_its_own_sink(self, browser, sessions, seen):
        class Sink:
            def __init__(self):
                self.events = []

            def emit(self, event):
                self.events.append(event)

        await browser.sign_in()
        cookie = browser.cookie
        await browser.visit(sessions.sign_out)
        seen()
        sink = Sink()
        await sessions.load(cookie, events=sink)
        assert seen() == []
        assert [(event.name, event.reason) for event in sink.events] == [
            ("session_use_after_expire", EndReason.SIGNED_OUT)
        ]


class TestWhetherASessionStillHolds:
    async def test_a_visitor_has_nothing_that_could_end(self, sessions):
        assert await sessions.holds(await sessions.load(None))

    async def test_that_of_a_token_holds_until_its_owner_is_changed(self, sessions, store, users):
        session = sessions.for_token(make_identity())
        assert await sessions.holds(session)
        await store.bump_epoch(str(users[0]))
        assert not await sessions.holds(session)

    async def test_under_the_id_that_it_has_now_and_for_the_same_person(self, browser, sessions, users):
        await browser.sign_in()
        session = await browser.load()
        await browser.visit(sessions.rotate)
        assert await sessions.holds(session)
        await browser.sign_in(make_identity(users[1], username="bob"))
        assert not await sessions.holds(session)
