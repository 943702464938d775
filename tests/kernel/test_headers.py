"""What may stand in a header, and the headers of every response."""

import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.headers import (
    CLOSED_FEATURES,
    HeaderRules,
    HeaderValueError,
    check_header_name,
    check_header_value,
    frame_ancestors_of,
    hsts_applies,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("text/html; charset=utf-8", b"text/html; charset=utf-8", id="text"),
        pytest.param(b"text/html", b"text/html", id="bytes"),
        pytest.param("", b"", id="empty"),
        pytest.param("a\tb", b"a\tb", id="tab"),
        pytest.param(
            "attachment; filename*=UTF-8''na%C3%AFve.txt", b"attachment; filename*=UTF-8''na%C3%AFve.txt", id="rfc 8187"
        ),
        pytest.param('"~', b'"~', id="last visible character"),
        # RFC 9110 §5.5: opaque, and some applications send them.
        pytest.param(b"caf\xe9", b"caf\xe9", id="obs-text in bytes"),
        pytest.param(b"\x80\xff", b"\x80\xff", id="first and last of it"),
    ],
)
def test_values_that_are_written(value, expected):
    assert check_header_value(value) == expected


BREAKS = [
    pytest.param("\r\nSet-Cookie: session=evil", id="response splitting"),
    pytest.param("\n", id="line feed"),
    pytest.param("\r", id="carriage return"),
    pytest.param("\r\n\r\n<script>", id="body"),
    pytest.param("\x00", id="nul"),
    pytest.param("\x0b", id="vertical tab"),
    pytest.param("\x0c", id="form feed"),
    pytest.param("\x1b[31m", id="escape"),
    pytest.param("\x7f", id="delete"),
]


@pytest.mark.parametrize("text", BREAKS)
def test_control_characters_are_refused_wherever_they_stand(text):
    for value in (text, f"a{text}", f"{text}b", f"a{text}b"):
        for each in (value, value.encode()):
            with pytest.raises(HeaderValueError) as caught:
                check_header_value(each)
            assert (caught.value.code, caught.value.status) == ("header_value", 500)
            assert "evil" not in caught.value.detail
            with pytest.raises(HeaderValueError):
                check_header_name(each)


@pytest.mark.parametrize(
    "value",
    [
        # CVE-2016-2216: cut to one byte each, these are CR LF.
        pytest.param("\u010d\u010a", id="line end above latin 1"),
        pytest.param("\u560d\u560a", id="line end far above"),
        pytest.param("\x85", id="next line"),
        pytest.param("\u2028", id="line separator"),
        pytest.param("caf\xe9", id="latin 1"),
        pytest.param("\ud800", id="lone surrogate"),
    ],
)
def test_text_outside_ascii_is_refused(value):
    with pytest.raises(HeaderValueError):
        check_header_value(value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("Content-Type", b"content-type", id="mixed case"),
        pytest.param(b"X-A", b"x-a", id="bytes"),
        pytest.param("!#$%&'*+-.^_`|~09az", b"!#$%&'*+-.^_`|~09az", id="every token character"),
    ],
)
def test_names_that_are_written(name, expected):
    assert check_header_name(name) == expected


@pytest.mark.parametrize(
    "name", ["", "a b", "a:", ":path", "a(b)", "a/b", 'a"', "é", "a,b", "a=b", "\udc80", b"\xe9", " a"]
)
def test_names_that_are_refused(name):
    with pytest.raises(HeaderValueError):
        check_header_name(name)


def headers_of(*, https=True, **fields):
    pairs = HeaderRules(**fields).static_headers(https=https)
    assert len({name for name, _ in pairs}) == len(pairs)
    for name, value in pairs:
        assert check_header_name(name) == name
        assert check_header_value(value) == value
    return dict(pairs)


def test_the_default_headers():
    headers = headers_of()
    permissions = headers.pop(b"permissions-policy").decode()
    assert headers == {
        b"x-content-type-options": b"nosniff",
        b"x-frame-options": b"DENY",
        b"referrer-policy": b"same-origin",
        b"cross-origin-opener-policy": b"same-origin",
        b"cross-origin-resource-policy": b"same-origin",
        b"x-xss-protection": b"0",
        b"server": b"",
        b"strict-transport-security": b"max-age=31536000; includeSubDomains",
    }
    opened = {"clipboard-write", "fullscreen", "publickey-credentials-create", "publickey-credentials-get"}
    expected = {feature: "(self)" if feature in opened else "()" for feature in CLOSED_FEATURES}
    assert dict(part.split("=") for part in permissions.split(", ")) == expected


def test_over_http_only_hsts_is_missing():
    with_hsts, plain = headers_of(), headers_of(https=False)
    assert plain == {name: value for name, value in with_hsts.items() if name != b"strict-transport-security"}


def test_the_headers_are_made_once():
    rules = HeaderRules()
    assert rules.static_headers(https=True) is rules.static_headers(https=True)


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        pytest.param({"hsts_seconds": None}, b"strict-transport-security", None, id="no hsts"),
        pytest.param({"hsts_seconds": 0}, b"strict-transport-security", b"max-age=0; includeSubDomains", id="forget"),
        pytest.param(
            {"hsts_seconds": 60, "hsts_subdomains": False},
            b"strict-transport-security",
            b"max-age=60",
            id="this host only",
        ),
        pytest.param(
            {"hsts_preload": True},
            b"strict-transport-security",
            b"max-age=31536000; includeSubDomains; preload",
            id="preload",
        ),
        pytest.param({"framing": "same-origin"}, b"x-frame-options", b"SAMEORIGIN", id="own frames"),
        pytest.param({"framing": ("https://a.example",)}, b"x-frame-options", None, id="frames of partners"),
        pytest.param({"referrer_policy": "no-referrer"}, b"referrer-policy", b"no-referrer", id="no referrer"),
        pytest.param(
            {"coop": "same-origin-allow-popups"},
            b"cross-origin-opener-policy",
            b"same-origin-allow-popups",
            id="popups",
        ),
        pytest.param(
            {"corp": "cross-origin"}, b"cross-origin-resource-policy", b"cross-origin", id="embedded by anybody"
        ),
    ],
)
def test_what_the_rules_change(fields, name, value):
    assert headers_of(**fields).get(name) == value


@pytest.mark.parametrize(
    ("opened", "expected"),
    [
        pytest.param((), "camera=()", id="closed"),
        pytest.param(("camera",), "camera=(self)", id="own pages"),
        pytest.param(
            ("camera https://meet.example https://b.example:8443",),
            'camera=(self "https://meet.example" "https://b.example:8443")',
            id="partners",
        ),
    ],
)
def test_features_are_opened_one_by_one(opened, expected):
    parts = headers_of(permissions_policy=opened)[b"permissions-policy"].decode().split(", ")
    assert expected in parts
    assert len(parts) == len(CLOSED_FEATURES)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"hsts_seconds": -1}, id="negative hsts"),
        pytest.param({"hsts_seconds": True}, id="hsts that is a bool"),
        pytest.param({"hsts_preload": True, "hsts_subdomains": False}, id="preload without subdomains"),
        pytest.param({"hsts_preload": True, "hsts_seconds": 31_535_999}, id="preload under a year"),
        pytest.param({"hsts_preload": True, "hsts_seconds": None}, id="preload without hsts"),
        pytest.param({"referrer_policy": "unsafe-url"}, id="referrer to everybody"),
        pytest.param({"referrer_policy": "no-referrer-when-downgrade"}, id="referrer to every https site"),
        pytest.param({"referrer_policy": ""}, id="no referrer policy"),
        pytest.param({"coop": "unsafe-none"}, id="shared opener"),
        pytest.param({"corp": ""}, id="no resource policy"),
        pytest.param({"framing": "allow"}, id="framing that is none of the two"),
        pytest.param({"framing": ()}, id="framing by nobody named"),
        pytest.param({"framing": ("*",)}, id="framing by anybody"),
        pytest.param({"framing": ("https://*.example",)}, id="framing by a wildcard"),
        pytest.param({"framing": ("a.example",)}, id="framing without scheme"),
        pytest.param({"framing": ("https://a.example; script-src *",)}, id="framing with a directive"),
        pytest.param({"permissions_policy": ("telepathy",)}, id="unknown feature"),
        pytest.param({"permissions_policy": ("camera *",)}, id="feature for anybody"),
        pytest.param({"permissions_policy": ("camera=*",)}, id="feature in the syntax of the header"),
        pytest.param({"permissions_policy": ("",)}, id="empty feature"),
        pytest.param({"permissions_policy": "camera"}, id="missing comma"),
    ],
)
def test_rules_that_are_refused(fields):
    with pytest.raises(ConfigError):
        HeaderRules(**fields)


@pytest.mark.parametrize(
    ("framing", "sources"),
    [
        pytest.param("deny", ("'none'",), id="nobody"),
        pytest.param("same-origin", ("'self'",), id="own pages"),
        pytest.param(("https://A.example:443",), ("'self'", "https://a.example"), id="partners"),
    ],
)
def test_both_framing_headers_say_the_same(framing, sources):
    assert frame_ancestors_of(framing) == sources


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("example.com", True, id="name"),
        pytest.param("example.com:8443", True, id="name and port"),
        pytest.param("example.com.", True, id="trailing dot"),
        pytest.param("localhost.example.com", True, id="localhost in front"),
        pytest.param("notlocalhost", True, id="ends like localhost"),
        pytest.param("web1", True, id="name that ends in a digit"),
        pytest.param("1.example", True, id="name that begins with a digit"),
        pytest.param("localhost", False, id="localhost"),
        pytest.param("LocalHost:8000", False, id="localhost and port"),
        pytest.param("localhost.", False, id="localhost and dot"),
        pytest.param("app.localhost", False, id="below localhost"),
        pytest.param("app.localhost.:8000", False, id="below localhost with dot and port"),
        pytest.param("127.0.0.1", False, id="ipv4"),
        pytest.param("127.0.0.1:8000", False, id="ipv4 and port"),
        pytest.param("127.0.0.1.", False, id="ipv4 and dot"),
        pytest.param("[::1]", False, id="ipv6"),
        pytest.param("[::1]:8000", False, id="ipv6 and port"),
        pytest.param("[::ffff:10.0.0.1]", False, id="ipv6 with ipv4 in it"),
        pytest.param("", False, id="empty"),
    ],
)
def test_hsts_is_for_names_of_the_network_only(host, expected):
    assert hsts_applies(host) is expected
