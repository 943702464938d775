"""Hosts and origins: one reading for each text, and no text that raises anything else."""

from hypothesis import given
from hypothesis import strategies as st

from fastness.kernel.hosts import HostReason, HostRules, MalformedHostError, decide_host, parse_host
from fastness.kernel.origins import MalformedOriginError, parse_origin
from fastness.kernel.verdicts import ALLOW, Deny

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join).filter(lambda name: not name.split(".")[-1][0].isdigit())
PORTS = st.none() | st.integers(1, 65535)
PIECES = st.sampled_from(
    [
        *"aZ09-_.:@/\\?#%[]*, \t\r\n\0",
        "good.com",
        ".good.com",
        "evil.com",
        "xn--a",
        "::1",
        "[::1]",
        "127.0.0.1",
        "0x7f",
        "。",
    ]
)
TEXTS = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=20)


def written(name, port):
    return name if port is None else f"{name}:{port}"


@given(NAMES, PORTS)
def test_names_are_read_as_they_were_written(name, port):
    host = parse_host(written(name, port))
    assert (host.name, host.port) == (name, port)
    assert parse_host(written(name.upper() + ".", port)) == host


@given(st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(lambda address: f"[{address}]"), PORTS)
def test_addresses_are_read_as_they_were_written(address, port):
    host = parse_host(written(address, port))
    assert host.is_address
    assert host.port == port
    assert parse_host(str(host)) == host


@given(TEXTS)
def test_what_is_read_has_one_spelling(text):
    try:
        host = parse_host(text)
    except MalformedHostError:
        return
    assert parse_host(str(host)) == host
    assert set(host.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.[]:")
    assert str(host) == text.lower() or text.endswith(".") or "." in text or "[" in text


@given(TEXTS, NAMES)
def test_only_listed_names_are_answered(text, other):
    rules = HostRules(allowed=(".good.com", "127.0.0.1"))
    for header in (text, other, f"{other}.good.com", f"{other}good.com", f"good.com.{other}"):
        verdict = decide_host(rules, header)
        name = header.partition(":")[0].lower().removesuffix(".")
        is_listed = name in {"good.com", "127.0.0.1"} or name.endswith(".good.com")
        if verdict is ALLOW:
            assert is_listed
        elif not is_listed:
            assert verdict.reason in set(HostReason)


@given(NAMES, PORTS)
def test_every_name_below_a_suffix_is_answered(name, port):
    rules = HostRules(allowed=(".good.com",))
    assert decide_host(rules, written(f"{name}.good.com", port)) is ALLOW
    assert decide_host(rules, written(f"{name}good.com", port)) == Deny(HostReason.NOT_ALLOWED)
    assert decide_host(HostRules(allowed=("good.com",)), written(f"{name}.good.com", port)) == Deny(
        HostReason.NOT_ALLOWED
    )


@given(st.sampled_from(["http", "https"]), NAMES, PORTS)
def test_origins_have_one_spelling(scheme, name, port):
    origin = parse_origin(f"{scheme}://{written(name, port)}")
    assert parse_origin(origin.serialize()) == origin
    assert parse_origin(f"{scheme.upper()}://{written(name.upper(), port)}") == origin
    assert origin.port == (port or {"http": 80, "https": 443}[scheme])


@given(TEXTS, st.sampled_from(["", "https://", "http:", "null", "HTTPS://"]))
def test_no_text_raises_anything_but_malformed_origin(text, start):
    try:
        origin = parse_origin(start + text)
    except MalformedOriginError:
        return
    assert origin.scheme in {"http", "https"}
