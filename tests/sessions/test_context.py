"""Coarse words for browser, system and network, and what counts as a change of them."""

import pytest

from fastness.sessions.context import Context, ContextChange, context_from_json, context_of, network_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
EDGE = CHROME + " Edg/140.0.0.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/604.1"


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        pytest.param(FIREFOX, "Firefox on Linux", id="firefox"),
        pytest.param(CHROME, "Chrome on Windows", id="chrome"),
        pytest.param(EDGE, "Edge on Windows", id="edge"),
        pytest.param(SAFARI, "Safari on iPhone", id="safari"),
        pytest.param("curl/8.0", "", id="program"),
        pytest.param("", "", id="none"),
        pytest.param("<script>" * 10_000, "", id="endless"),
    ],
)
def test_a_browser_is_called_by_a_word_of_ours(agent, label):
    assert context_of(agent, "").label == label


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        pytest.param("203.0.113.7", "203.0.0.0/16", id="v4"),
        pytest.param("2001:db8:1:2::3", "2001:db8:1::/48", id="v6"),
        pytest.param("::ffff:203.0.113.7", "203.0.0.0/16", id="mapped"),
        pytest.param("", "", id="socket"),
        pytest.param("nowhere", "", id="text"),
    ],
)
def test_a_network_is_a_coarse_one(ip, network):
    assert network_of(ip) == network


@pytest.mark.parametrize(
    ("former", "now", "changes"),
    [
        pytest.param((FIREFOX, "203.0.113.7"), (FIREFOX, "203.0.9.9"), (), id="same"),
        pytest.param((FIREFOX, ""), (FIREFOX.replace("140", "141"), ""), (), id="newer-version"),
        pytest.param((FIREFOX, ""), (CHROME, ""), (ContextChange.BROWSER,), id="browser"),
        pytest.param((FIREFOX, "203.0.113.7"), (FIREFOX, "198.51.100.1"), (ContextChange.NETWORK,), id="network"),
        pytest.param((FIREFOX, "203.0.113.7"), (FIREFOX, ""), (), id="no-address"),
        pytest.param(
            (FIREFOX, "203.0.113.7"),
            ("curl", "198.51.100.1"),
            (ContextChange.BROWSER, ContextChange.NETWORK),
            id="both",
        ),
    ],
)
def test_what_is_a_change(former, now, changes):
    assert context_of(*now).changes_from(context_of(*former)) == changes


def test_a_few_networks_are_remembered():
    context = None
    for number in range(6):
        context = context_of(FIREFOX, f"10.{number}.0.1").after(context)
    assert context.networks == ("10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16", "10.5.0.0/16")
    assert context_of(FIREFOX, "10.3.0.1").changes_from(context) == ()
    assert context_of(FIREFOX, "10.3.0.1").after(context).network == "10.3.0.0/16"


@pytest.mark.parametrize(
    "value", [pytest.param(None, id="none"), pytest.param(["a"], id="short"), pytest.param(["a", 1], id="number")]
)
def test_what_cannot_be_read_is_nothing(value):
    assert context_from_json(value) is None


def test_it_is_kept_as_texts():
    context = Context(browser="Firefox", system="Linux", networks=("10.0.0.0/16",))
    assert context_from_json(context.stored) == context
