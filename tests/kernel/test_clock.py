from datetime import UTC, datetime, timedelta, timezone
from time import time

import pytest

from fastness.kernel.clock import Clock, ManualClock, SystemClock
from fastness.kernel.errors import ConfigError

START = datetime(2030, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_the_system_clock_is_aware_utc_and_agrees_with_the_machine():
    clock: Clock = SystemClock()
    before = time()
    epoch, now = clock.epoch(), clock.now()
    after = time()
    assert before <= epoch <= after
    # Microseconds of datetime cut off at most one of the float.
    assert before - 0.001 <= now.timestamp() <= after + 0.001
    assert now.utcoffset() == timedelta(0)


def test_a_manual_clock_needs_no_start():
    assert ManualClock().now() == ManualClock().now()


def test_a_manual_clock_stands_still_until_told():
    clock: Clock = ManualClock(START)
    assert clock.now() == clock.now() == START
    assert clock.epoch() == START.timestamp()


def test_advance_moves_both_readings():
    clock = ManualClock(START)
    clock.advance(90.5)
    assert clock.now() == START + timedelta(seconds=90.5)
    assert clock.epoch() == START.timestamp() + 90.5
    clock.advance(0)
    assert clock.now() == START + timedelta(seconds=90.5)


@pytest.mark.parametrize("seconds", [pytest.param(-1, id="back"), pytest.param(float("nan"), id="not a number")])
def test_advance_goes_forward_only(seconds):
    clock = ManualClock(START)
    with pytest.raises(ConfigError):
        clock.advance(seconds)
    assert clock.now() == START


def test_set_may_step_back():
    clock = ManualClock(START)
    clock.set(START - timedelta(hours=1))
    assert clock.now() == START - timedelta(hours=1)


def test_other_zones_become_utc():
    clock = ManualClock(START.astimezone(timezone(timedelta(hours=5))))
    assert clock.now() == START
    assert clock.now().utcoffset() == timedelta(0)


def test_naive_datetimes_are_refused():
    naive = START.replace(tzinfo=None)
    with pytest.raises(ConfigError):
        ManualClock(naive)
    with pytest.raises(ConfigError):
        ManualClock(START).set(naive)
