import pytest

from fastness.kernel.errors import (
    ConfigError,
    DeniedError,
    FastnessError,
    InvalidInputError,
    TamperedError,
    UnavailableError,
)


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        pytest.param(FastnessError, "error", 500, id="root"),
        pytest.param(ConfigError, "config", 500, id="config"),
        pytest.param(DeniedError, "denied", 403, id="denied"),
        pytest.param(InvalidInputError, "invalid_input", 400, id="invalid input"),
        pytest.param(TamperedError, "tampered", 400, id="tampered"),
        pytest.param(UnavailableError, "unavailable", 503, id="unavailable"),
    ],
)
def test_each_kind_has_its_code_and_status(error, code, status):
    assert issubclass(error, FastnessError)
    assert (error.code, error.status) == (code, status)


def test_the_detail_is_the_text_of_the_error_and_not_what_visitors_see():
    error = DeniedError("rule cases.close refused user 7")
    assert str(error) == error.detail == "rule cases.close refused user 7"
    assert error.args == ("rule cases.close refused user 7",)
    assert "cases" not in error.public


def test_a_kind_keeps_its_public_sentence_whatever_the_detail():
    assert UnavailableError("redis at 10.0.0.7").public == UnavailableError("other").public
