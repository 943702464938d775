import pytest

from fastness.kernel.errors import ConfigError
from fastness.sessions.rules import SessionRules


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"idle_seconds": 43_200}, id="idle as long as absolute"),
        pytest.param({"remember_seconds": 90 * 86_400}, id="remembered for 90 days"),
        pytest.param({"touch_seconds": 900}, id="touch half of idle"),
        pytest.param({"tombstone_seconds": 0}, id="no tombstones"),
    ],
)
def test_rules_that_make_sense(fields):
    SessionRules(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"idle_seconds": 0}, id="no idle time"),
        pytest.param({"absolute_seconds": -1}, id="negative life"),
        pytest.param({"idle_seconds": 43_201}, id="idle longer than absolute"),
        pytest.param({"absolute_seconds": 2_592_001}, id="absolute longer than remembered"),
        pytest.param({"remember_seconds": 90 * 86_400 + 1}, id="remembered for longer than 90 days"),
        pytest.param({"touch_seconds": 901}, id="touch more than half of idle"),
        pytest.param({"touch_seconds": 0}, id="touch on every request"),
        pytest.param({"tombstone_seconds": -1}, id="negative tombstones"),
        pytest.param({"max_bytes": 0}, id="no room"),
    ],
)
def test_rules_that_do_not(fields):
    with pytest.raises(ConfigError):
        SessionRules(**fields)
