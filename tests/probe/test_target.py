"""What is known of a target: its address, and which address is which route's."""

import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring
from fastness.probe.target import KnownRoute, Limits, ProbeAddressError, Target, parse_address


@pytest.mark.parametrize(
    ("text", "origin", "base"),
    [
        ("https://www.example.com", "https://www.example.com", ""),
        ("https://www.example.com/", "https://www.example.com", ""),
        ("https://www.example.com:443", "https://www.example.com", ""),
        ("https://www.example.com:8443/shop/", "https://www.example.com:8443", "/shop"),
        ("http://localhost:8000", "http://localhost:8000", ""),
        ("http://[::1]:8000", "http://[::1]:8000", ""),
    ],
)
def test_an_address_is_that_of_a_site(text, origin, base):
    address = parse_address(text)
    assert (address.origin, address.base) == (origin, base)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "www.example.com",
        "ftp://www.example.com",
        "https://",
        "https://www.example.com:port",
        "https://www.example.com:99999",
        "https://www.example.com/?a=1",
        "https://www.example.com/#a",
        "https://ada@www.example.com",
        "https://www.example.com\r\nX: y",
        "https://www.example.com/a b",
        "https://ex\u00e4mple.com",
        "https://[::1",
    ],
)
def test_everything_else_is_refused(text):
    with pytest.raises(ProbeAddressError):
        parse_address(text)


@pytest.mark.parametrize(
    ("path", "asked", "is_at"),
    [
        ("/", "/", True),
        ("/cases", "/cases", True),
        ("/cases", "/cases/", False),
        ("/cases/{case_id:uuid}", "/cases/7", True),
        ("/cases/{case_id:uuid}", "/cases/7/notes", False),
        ("/cases/{case_id}/notes", "/cases/7/notes", True),
        ("/static/{path:path}", "/static/a/b.css", True),
        ("/a.b", "/axb", False),
    ],
)
def test_an_address_is_one_of_a_route_or_not(path, asked, is_at):
    assert KnownRoute(path=path).is_at(asked) is is_at


@pytest.mark.parametrize(
    ("path", "sample", "filled"),
    [
        ("/cases", "/cases", "/cases"),
        ("/n/{number:int}", "/n/1", "/n/1"),
        (
            "/c/{a:uuid}/{b}",
            "/c/00000000-0000-4000-8000-000000000000/probe",
            "/c/00000000-0000-4000-8000-000000000000/X",
        ),
        ("/d/{when:date}", "/d/probe", "/d/X"),
    ],
)
def test_a_route_has_addresses_to_try(path, sample, filled):
    route = KnownRoute(path=path)
    assert (route.sample, route.path_with("X")) == (sample, filled)


def test_what_may_change_something():
    assert KnownRoute(path="/", methods=frozenset({"GET", "HEAD", "PUT", "POST"})).unsafe_methods == ("POST", "PUT")


@pytest.mark.parametrize("name", Limits.__slots__)
def test_no_limit_is_nothing(name):
    with pytest.raises(ConfigError):
        Limits(**{name: 0})


@pytest.mark.parametrize(
    ("url", "seconds"),
    [
        pytest.param("https://localhost:8443", 0, id="this-machine"),
        pytest.param("https://localhost.example", 0.02, id="named-alike"),
        pytest.param("https://www.example.com", 0.02, id="elsewhere"),
    ],
)
def test_a_pace_is_kept_where_others_wait(url, seconds):
    keyring = Keyring(Secret("probe-pace-only-qT7xWv2nLk9RzB4mYc8sHd3fJg6pAe"))
    limits = Limits(requests_per_second=50)
    target = Target(address=parse_address(url), keyring=keyring, routes=(), limits=limits)
    assert target.pause_seconds == seconds
