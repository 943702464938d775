from fastness.tripwires.repeats import MAX_A_MINUTE, MAX_PLACES, QUIET_SECONDS, Repeats


def test_a_place_is_told_at_once_and_then_once_a_minute_with_how_often_it_was():
    repeats = Repeats()
    assert repeats.told(("a",), 0.0) == 0
    assert [repeats.told(("a",), 1.0 + second) for second in range(5)] == [None] * 5
    assert repeats.told(("b",), 2.0) == 0
    assert repeats.told(("a",), QUIET_SECONDS) == 5
    assert repeats.told(("a",), QUIET_SECONDS + 1) is None


def test_many_places_cannot_flood_the_log():
    repeats = Repeats()
    told = [repeats.told(("files", str(number)), 0.0) for number in range(1000)]
    assert told.count(0) == MAX_A_MINUTE
    assert repeats.told(("files", "later"), QUIET_SECONDS) == 0


def test_one_wire_that_is_tripped_all_the_time_hides_no_other():
    repeats = Repeats()
    for number in range(1000):
        repeats.told(("files", str(number)), 0.0)
    assert repeats.told(("files", "another"), 1.0) is None
    assert repeats.told(("process", "sh"), 1.0) == 0


def test_the_places_that_are_remembered_are_bounded():
    repeats = Repeats()
    for number in range(10 * MAX_PLACES):
        repeats.told((str(number),), number * QUIET_SECONDS)
    assert len(repeats._places) <= MAX_PLACES
