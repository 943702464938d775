import copy
import json
import logging
import pickle
import traceback
from dataclasses import asdict, dataclass

import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import MASK, Secret

VALUE = "correct horse battery staple"


def test_the_value_is_there_for_those_who_ask():
    assert Secret(VALUE).reveal() == VALUE
    assert Secret(VALUE).reveal_bytes() == VALUE.encode()
    assert Secret(b"\x00\xff").reveal_bytes() == b"\x00\xff"
    assert Secret("pässwörd").reveal() == "pässwörd"
    assert Secret("pässwörd").reveal_bytes() == "pässwörd".encode()


@pytest.mark.parametrize(
    "show",
    [
        pytest.param(repr, id="repr"),
        pytest.param(str, id="str"),
        pytest.param("{}".format, id="format"),
        pytest.param("{:.5}".format, id="format that would slice"),
        pytest.param("{:>60}".format, id="format that would pad"),
        pytest.param("{!r}".format, id="format repr"),
        pytest.param("{!a}".format, id="format ascii"),
        pytest.param("%s".__mod__, id="percent s"),
        pytest.param("%r".__mod__, id="percent r"),
        pytest.param(lambda secret: f"{secret}", id="f-string"),
        pytest.param(lambda secret: json.dumps(secret, default=str), id="json with a careless default"),
    ],
)
def test_no_way_of_showing_shows_it(show):
    shown = show(Secret(VALUE))
    assert MASK in shown
    assert "correct" not in shown
    assert shown.strip("\"' ") == MASK


@pytest.mark.asvs("V16.2.5")
def test_it_does_not_appear_in_a_log_record(caplog):
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("connecting with %s and %r", Secret(VALUE), {"key": Secret(VALUE)})
    assert VALUE not in caplog.text
    assert caplog.text.count(MASK) == 2


def test_it_does_not_appear_in_a_traceback_when_it_is_not_text():
    secret = Secret(b"hunter2\xff")
    with pytest.raises(ConfigError) as caught:
        secret.reveal()
    assert caught.value.__cause__ is None
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_text_that_utf8_cannot_hold_is_refused_without_showing_it():
    with pytest.raises(ConfigError) as caught:
        Secret("hunter2\ud800")
    assert "hunter2" not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("first", "second", "is_equal"),
    [
        pytest.param(Secret("a" * 9), Secret("a" * 9), True, id="same text"),
        pytest.param(Secret("a" * 9), Secret(b"a" * 9), True, id="same bytes"),
        pytest.param(Secret("a" * 9), Secret("a" * 8 + "b"), False, id="last character"),
        pytest.param(Secret("a" * 9), Secret("a" * 8), False, id="prefix"),
        pytest.param(Secret("a" * 9), "a" * 9, False, id="plain text is not a secret"),
        pytest.param(Secret("a" * 9), None, False, id="none"),
    ],
)
def test_comparison(first, second, is_equal):
    assert (first == second) is is_equal
    assert (first != second) is not is_equal


@pytest.mark.parametrize("value", [pytest.param("", id="text"), pytest.param(b"", id="bytes")])
def test_empty_is_refused(value):
    with pytest.raises(ConfigError):
        Secret(value)


@pytest.mark.parametrize("value", [pytest.param(None, id="none"), pytest.param(1234, id="number")])
def test_other_types_are_refused(value):
    with pytest.raises(ConfigError):
        Secret(value)


def test_it_does_not_change():
    secret = Secret(VALUE)
    with pytest.raises(AttributeError):
        secret._value = b"other"
    with pytest.raises(AttributeError):
        del secret._value
    with pytest.raises(AttributeError):
        secret.other = 1
    assert secret.reveal() == VALUE


def test_it_has_no_hash():
    with pytest.raises(TypeError):
        hash(Secret(VALUE))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_cannot_be_pickled(protocol):
    with pytest.raises(TypeError):
        pickle.dumps(Secret(VALUE), protocol)


def test_it_cannot_be_written_as_json():
    with pytest.raises(TypeError):
        json.dumps({"key": Secret(VALUE)})


def test_it_has_no_dict_to_look_into():
    with pytest.raises(TypeError):
        vars(Secret(VALUE))


def test_copies_of_settings_keep_it_guarded():
    @dataclass
    class Config:
        key: Secret

    config = Config(Secret(VALUE))
    assert copy.copy(config.key) is config.key
    assert copy.deepcopy(config).key is config.key
    assert asdict(config)["key"] is config.key
