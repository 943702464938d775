import pytest

from fastness.kernel.because import Because
from fastness.kernel.errors import ConfigError


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("0123456789", id="just long enough"),
        pytest.param("the SAML provider posts the assertion here", id="a sentence"),
    ],
)
def test_a_reason_is_kept(text):
    assert Because(text).text == text
    assert str(Because(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("012345678", id="one too short"),
        pytest.param("todo", id="todo"),
        pytest.param("          ", id="spaces"),
        pytest.param("   short      ", id="filled up with spaces"),
    ],
)
def test_no_reason_is_refused(text):
    with pytest.raises(ConfigError):
        Because(text)


def test_a_reason_does_not_change():
    with pytest.raises(AttributeError):
        Because("a reason that stays").text = "another"  # type: ignore[misc]
