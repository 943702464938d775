"""Texts of a known form: each that is accepted beside the nearest ones that are not."""

import pytest

from fastness.kernel.formats import (
    FormatReason,
    decide_email,
    decide_file_name,
    decide_host_name,
    decide_number,
    decide_slug,
    decide_text,
    decide_url,
)
from fastness.kernel.verdicts import ALLOW, Deny

LABEL = "a" * 63


def verdict(reason):
    return ALLOW if reason is None else Deny(FormatReason(reason))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("ada@example.com", None, id="plain"),
        pytest.param("ada.b+tag@mail.example.co.uk", None, id="dots-and-a-tag"),
        pytest.param("o'brien@example.com", None, id="apostrophe"),
        pytest.param("ada@xn--bcher-kva.example", None, id="international-as-punycode"),
        pytest.param("ada@bücher.example", "email", id="international-as-letters"),
        pytest.param("ädä@example.com", "email", id="letters-outside-ascii"),
        pytest.param("a" * 64 + "@example.com", None, id="longest-local-part"),
        pytest.param("a" * 65 + "@example.com", "email", id="one-more"),
        pytest.param(f"a@{LABEL}.{LABEL}.{LABEL}." + "a" * 60, None, id="longest"),
        pytest.param(f"a@{LABEL}.{LABEL}.{LABEL}." + "a" * 61, "too_long", id="longer-than-any"),
        pytest.param("ada", "email", id="no-at"),
        pytest.param("@example.com", "email", id="nobody"),
        pytest.param("ada@", "email", id="nowhere"),
        pytest.param("ada@localhost", "email", id="no-dot"),
        pytest.param("ada@example.com.", "email", id="last-dot"),
        pytest.param("ada@.example.com", "email", id="empty-label"),
        pytest.param("ada@-example.com", "email", id="hyphen-first"),
        pytest.param("ada@exa_mple.com", "email", id="underscore-in-the-host"),
        pytest.param("ada@192.0.2.1", "email", id="address-of-a-machine"),
        pytest.param("ada@[192.0.2.1]", "email", id="address-in-brackets"),
        pytest.param("ada@example.com:25", "email", id="port"),
        pytest.param(".ada@example.com", "email", id="dot-first"),
        pytest.param("ada.@example.com", "email", id="dot-last"),
        pytest.param("a..da@example.com", "email", id="two-dots"),
        pytest.param('"ada b"@example.com', "email", id="quoted"),
        pytest.param("a@b@example.com", "email", id="two-ats"),
        pytest.param("ada@example.com\n", "email", id="line-feed"),
        pytest.param("ada@example.com\r\nBcc: all@example.com", "email", id="header"),
        pytest.param("ada@example.com,bob@example.com", "email", id="two-people"),
        pytest.param("Ada <ada@example.com>", "email", id="with-a-name"),
        pytest.param(" ada@example.com", "email", id="blank"),
        pytest.param("", "email", id="nothing"),
    ],
)
def test_email(text, reason):
    assert decide_email(text) == verdict(reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("https://example.com", None, id="host"),
        pytest.param("http://example.com/a%20b?c=d&e#f", None, id="all-parts"),
        pytest.param("HTTPS://EXAMPLE.COM/", None, id="capitals"),
        pytest.param("https://example.com:8443/", None, id="port"),
        pytest.param("https://[2001:db8::1]/", None, id="address"),
        pytest.param("https://localhost/", None, id="one-label"),
        pytest.param("https://example.com/" + "a" * 2028, None, id="longest"),
        pytest.param("https://example.com/" + "a" * 2029, "too_long", id="longer"),
        pytest.param("javascript:alert(1)", "url_scheme", id="script"),
        pytest.param("JaVaScRiPt://example.com/%0aalert(1)", "url_scheme", id="script-that-looks-like-an-address"),
        pytest.param("java\nscript:alert(1)", "url", id="script-with-a-line-feed"),
        pytest.param("\thttps://example.com", "url", id="tab-first"),
        pytest.param("data:text/html,x", "url_scheme", id="data"),
        pytest.param("ftp://example.com", "url_scheme", id="ftp"),
        pytest.param("//example.com", "url_scheme", id="no-scheme"),
        pytest.param("/path", "url_scheme", id="path"),
        pytest.param("https:example.com", "url_scheme", id="no-slashes"),
        pytest.param("https:/example.com", "url_scheme", id="one-slash"),
        pytest.param("https://", "url", id="no-host"),
        pytest.param("https:///path", "url", id="empty-host"),
        pytest.param("https://ada@example.com", "url", id="user-name"),
        pytest.param("https://example.com:80@evil.example", "url", id="host-as-user-name"),
        pytest.param("https://example.com\\@evil.example", "url", id="backslash"),
        pytest.param("https://exa mple.com", "url", id="blank-in-the-host"),
        pytest.param("https://example.com/a b", "url", id="blank-in-the-path"),
        pytest.param("https://bücher.example", "url", id="international-as-letters"),
        pytest.param("https://example.com:99999", "url", id="no-such-port"),
        pytest.param("https://example.com:", "url", id="empty-port"),
        pytest.param("https://127.1/", "url", id="short-address"),
        pytest.param("https://example.com/%zz", "url", id="broken-escape"),
        pytest.param("https://example.com/%4", "url", id="half-an-escape"),
        pytest.param("https://example.com/[a]", "url", id="brackets-in-the-path"),
        pytest.param("https://[2001:db8::1", "url", id="bracket-left-open"),
        pytest.param("https://example.com/#a#b", "url", id="two-fragments"),
        pytest.param('https://example.com/"><script>', "url", id="markup"),
        pytest.param("https://example.com\n", "url", id="line-feed"),
        pytest.param("", "url_scheme", id="nothing"),
    ],
)
def test_url(text, reason):
    assert decide_url(text) == verdict(reason)


def test_url_over_https_only():
    assert decide_url("https://example.com", https_only=True) is ALLOW
    assert decide_url("http://example.com", https_only=True) == Deny(FormatReason.URL_SCHEME)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("example.com", None, id="name"),
        pytest.param("localhost", None, id="one-label"),
        pytest.param("a-b.example", None, id="hyphen"),
        pytest.param("a_b.example", "host", id="underscore"),
        pytest.param("-a.example", "host", id="hyphen-first"),
        pytest.param("example.com:80", "host", id="port"),
        pytest.param("192.0.2.1", "host", id="address"),
        pytest.param("[::1]", "host", id="address-in-brackets"),
        pytest.param("::1", "host", id="address-without-brackets"),
        pytest.param("a." * 126 + "a", None, id="longest"),
        pytest.param("a." * 127 + "a", "host", id="longer"),
        pytest.param("a" * 300, "too_long", id="longest-of-all"),
        pytest.param("example.com\n", "host", id="line-feed"),
        pytest.param("exämple.com", "host", id="letters-outside-ascii"),
        pytest.param("", "host", id="nothing"),
    ],
)
def test_host_name(text, reason):
    assert decide_host_name(text) == verdict(reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("report.pdf", None, id="plain"),
        pytest.param("Jahresbericht 2026 (Entwurf).pdf", None, id="blanks"),
        pytest.param("отчёт.pdf", None, id="another-script"),
        pytest.param("a..b", None, id="dots-inside"),
        pytest.param("..", "file_name", id="parent"),
        pytest.param("../a", "file_name", id="traversal"),
        pytest.param("a/b", "file_name", id="slash"),
        pytest.param("a\\b", "file_name", id="backslash"),
        pytest.param("C:a", "file_name", id="drive"),
        pytest.param("a.txt::$DATA", "file_name", id="stream"),
        pytest.param(".htaccess", "file_name", id="hidden"),
        pytest.param("a.exe ", "file_name", id="blank-last"),
        pytest.param(" a", "file_name", id="blank-first"),
        pytest.param("a.", "file_name", id="dot-last"),
        pytest.param("con.txt", "file_name", id="device"),
        pytest.param("console.txt", None, id="begins-like-a-device"),
        pytest.param("a\0.png", "file_name", id="nul"),
        pytest.param("a\n.png", "file_name", id="line-feed"),
        pytest.param("a\x85.png", "file_name", id="c1-control"),
        pytest.param("photo_\u202egpj.exe", "file_name", id="written-backwards"),
        pytest.param("\ud800.txt", "file_name", id="half-a-character"),
        pytest.param("é" * 127, None, id="254-bytes"),
        pytest.param("é" * 128, "file_name", id="256-bytes"),
        pytest.param("a" * 256, "too_long", id="too-long"),
        pytest.param("", "file_name", id="nothing"),
    ],
)
def test_file_name(text, reason):
    assert decide_file_name(text) == verdict(reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("spring-sale-2026", None, id="plain"),
        pytest.param("a", None, id="one-letter"),
        pytest.param("7", None, id="one-digit"),
        pytest.param("-a", "slug", id="hyphen-first"),
        pytest.param("a-", "slug", id="hyphen-last"),
        pytest.param("a--b", "slug", id="two-hyphens"),
        pytest.param("A", "slug", id="capital"),
        pytest.param("a_b", "slug", id="underscore"),
        pytest.param("é", "slug", id="accent"),
        pytest.param("٣", "slug", id="digit-of-another-script"),
        pytest.param("a\n", "slug", id="line-feed"),
        pytest.param("a" * 100, None, id="longest"),
        pytest.param("a" * 101, "too_long", id="longer"),
        pytest.param("", "slug", id="nothing"),
    ],
)
def test_slug(text, reason):
    assert decide_slug(text) == verdict(reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("0", None, id="zero"),
        pytest.param("-12.50", None, id="decimal"),
        pytest.param("0.5", None, id="below-one"),
        pytest.param("9" * 64, None, id="longest"),
        pytest.param("9" * 65, "too_long", id="longer"),
        pytest.param("00", "number", id="two-zeros"),
        pytest.param("01", "number", id="leading-zero"),
        pytest.param("-0", "number", id="minus-zero"),
        pytest.param("-0.00", "number", id="minus-zero-with-digits"),
        pytest.param("-0.01", None, id="just-below-zero"),
        pytest.param("+1", "number", id="plus"),
        pytest.param("--1", "number", id="two-minus-signs"),
        pytest.param(".5", "number", id="point-first"),
        pytest.param("5.", "number", id="point-last"),
        pytest.param("1.2.3", "number", id="two-points"),
        pytest.param("1,5", "number", id="comma"),
        pytest.param("1e3", "number", id="exponent"),
        pytest.param("1_000", "number", id="underscore"),
        pytest.param("0x10", "number", id="hexadecimal"),
        pytest.param("NaN", "number", id="nan"),
        pytest.param("Infinity", "number", id="infinity"),
        pytest.param("٣", "number", id="digit-of-another-script"),
        pytest.param("²", "number", id="superscript"),
        pytest.param("1.²", "number", id="superscript-behind-the-point"),
        pytest.param(" 1", "number", id="blank"),
        pytest.param("1\n", "number", id="line-feed"),
        pytest.param("-", "number", id="sign-alone"),
        pytest.param("", "number", id="nothing"),
    ],
)
def test_number(text, reason):
    assert decide_number(text) == verdict(reason)


@pytest.mark.parametrize(
    ("text", "is_multiline", "reason"),
    [
        pytest.param("a b", False, None, id="one-line"),
        pytest.param("a\nb", False, "control_character", id="two-lines-where-one-is"),
        pytest.param("a\nb\tc", True, None, id="two-lines"),
        pytest.param("a\r\nb", True, "control_character", id="carriage-return"),
        pytest.param("a\u2028b", False, "control_character", id="line-separator"),
        pytest.param("a\0", True, "control_character", id="nul"),
        pytest.param("a\x1b[2J", True, "control_character", id="escape"),
        pytest.param("a\x9b2J", True, "control_character", id="c1-control"),
        pytest.param("a" * 10, False, None, id="longest"),
        pytest.param("a" * 11, False, "too_long", id="longer"),
        pytest.param("", False, None, id="nothing"),
    ],
)
def test_text(text, is_multiline, reason):
    assert decide_text(text, max_length=10, is_multiline=is_multiline) == verdict(reason)
