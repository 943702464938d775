"""What a client writes in front of a proxy's entry changes nothing."""

from hypothesis import given
from hypothesis import strategies as st

from fastness.kernel.proxies import ProxyRules, resolve_client

NETWORKS = ProxyRules(trusted=("10.0.0.0/8", "fd00::/8"))
FORWARDED = ProxyRules(trusted=("10.0.0.0/8", "fd00::/8"), headers="forwarded")
CLIENTS = st.ip_addresses(network="203.0.113.0/24") | st.ip_addresses(network="2001:db8::/32")
PROXIES = st.lists((st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fd00::/8")).map(str), max_size=5)
PIECES = st.sampled_from(
    [*', ;="[]:', "for=", "proto=https", "10.0.0.1", "127.0.0.1", "[::1]:80", "unknown", "_x", "é", "\0"]
)
JUNK = st.lists(PIECES, max_size=10).map("".join) | st.text(max_size=20)


def resolve(rules, header, proto=None):
    return resolve_client(
        rules, peer="10.0.0.1", x_forwarded_for=header, x_forwarded_proto=proto, forwarded=header, scheme="http"
    )


def element(address):
    return f"for={address}" if ":" not in address else f'for="[{address}]"'


@given(JUNK, CLIENTS.map(str), PROXIES)
def test_the_client_is_the_first_address_that_is_no_proxy(junk, client, proxies):
    header = ", ".join([client, *proxies])
    for forged in (header, f"{junk}, {header}", f"{junk},{header}"):
        assert resolve(NETWORKS, forged).ip == client


@given(JUNK, CLIENTS.map(str), PROXIES)
def test_the_same_for_forwarded(junk, client, proxies):
    header = ", ".join(map(element, [client, *proxies]))
    for forged in (header, f"{junk}, {header}", f"{junk},{header}"):
        assert resolve(FORWARDED, forged) == (client, "http", True)


@given(JUNK, CLIENTS.map(str), PROXIES)
def test_the_same_for_a_number_of_proxies(junk, client, proxies):
    rules = ProxyRules(hop_count=len(proxies) + 1)
    header = ", ".join([client, *proxies])
    assert resolve(rules, f"{junk}, {header}").ip == resolve(rules, header).ip == client


@given(JUNK, JUNK)
def test_the_answer_is_an_address_and_a_scheme_whatever_was_sent(header, proto):
    for rules in (NETWORKS, FORWARDED, ProxyRules(hop_count=2)):
        client = resolve(rules, header, proto)
        assert client.scheme in {"http", "https"}
        assert set(client.ip) <= set("0123456789abcdef:.")


@given(JUNK, CLIENTS.map(str))
def test_others_are_not_believed(junk, peer):
    for rules in (NETWORKS, FORWARDED, ProxyRules()):
        client = resolve_client(
            rules, peer=peer, x_forwarded_for=junk, x_forwarded_proto="https", forwarded=junk, scheme="http"
        )
        assert client == (peer, "http", False)
