from enum import StrEnum

import pytest

from fastness.kernel.verdicts import ALLOW, Allow, Deny


class Reason(StrEnum):
    FIRST = "first"
    SECOND = "second"


@pytest.mark.parametrize("verdict", [pytest.param(ALLOW, id="allow"), pytest.param(Deny(Reason.FIRST), id="deny")])
def test_a_verdict_is_not_a_bool(verdict):
    with pytest.raises(TypeError):
        bool(verdict)
    with pytest.raises(TypeError):
        assert not verdict


def test_denials_compare_by_reason():
    assert Deny(Reason.FIRST) == Deny(Reason.FIRST)
    assert Deny(Reason.FIRST) != Deny(Reason.SECOND)
    assert {Deny(Reason.FIRST), Deny(Reason.FIRST), ALLOW} == {Deny(Reason.FIRST), ALLOW}


def test_verdicts_do_not_change():
    with pytest.raises(AttributeError):
        Deny(Reason.FIRST).reason = Reason.SECOND  # type: ignore[misc]
    with pytest.raises(AttributeError):
        ALLOW.reason = Reason.FIRST  # type: ignore[attr-defined]


def test_a_second_allow_is_not_the_one_that_gates_compare_with():
    assert Allow() is not ALLOW
    assert repr(ALLOW) == "ALLOW"
