import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.languages import MAX_HEADER_LENGTH, check_languages, choose_language

OFFERED = ("en", "de", "pt-BR")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("", "en", id="says-nothing"),
        pytest.param("de", "de", id="one"),
        pytest.param("DE", "de", id="in-capitals"),
        pytest.param("de-AT, en;q=0.5", "de", id="a-region-of-it"),
        pytest.param("pt-br", "pt-BR", id="a-region-that-is-offered"),
        pytest.param("pt", "en", id="only-another-region-is-offered"),
        pytest.param("en;q=0.3, de;q=0.7", "de", id="by-weight"),
        pytest.param("de;q=0.3, en;q=0.7", "en", id="by-weight-the-other-way"),
        pytest.param("de, en", "de", id="the-first-of-equals"),
        pytest.param("fr, de;q=0.1", "de", id="the-best-of-what-there-is"),
        pytest.param("de;q=0", "en", id="not-wanted"),
        pytest.param("de;q=2", "en", id="no-weight"),
        pytest.param("de;q=0.5;x=1", "en", id="no-such-parameter"),
        pytest.param("*", "en", id="anything"),
        pytest.param("../../etc/passwd", "en", id="no-language"),
        pytest.param("de, " * MAX_HEADER_LENGTH, "en", id="too-long"),
        pytest.param("fr," * 20 + "de", "en", id="too-many"),
        pytest.param(",,;q=1,de", "de", id="empty-parts"),
    ],
)
def test_the_choice(header, expected):
    assert choose_language(header, OFFERED) == expected


@pytest.mark.parametrize("offered", [(), ("en", "en"), ("German",), ("../de",), ("",), ("de_AT",)])
def test_what_is_no_list_of_languages(offered):
    with pytest.raises(ConfigError):
        check_languages(offered)


def test_the_neighbours_are():
    check_languages(("de", "en", "pt-BR", "zh-Hant-TW"))
