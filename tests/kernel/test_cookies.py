"""Cookies as they are written, and as they are found among what others planted."""

import pytest

from fastness.kernel.cookies import (
    MAX_COOKIE_BYTES,
    CookieRules,
    CookieValueError,
    build_cookie,
    build_deletion,
    find_cookie,
)
from fastness.kernel.errors import ConfigError

SESSION = CookieRules(name="__Host-session")
NAME = b"__Host-session"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {"name": "__Host-session"}, b"__Host-session=v; Path=/; Secure; HttpOnly; SameSite=Lax", id="session cookie"
        ),
        pytest.param(
            {"name": "site-session", "secure": False},
            b"site-session=v; Path=/; HttpOnly; SameSite=Lax",
            id="development",
        ),
        pytest.param(
            {
                "name": "__Secure-theme",
                "http_only": False,
                "domain": "example.com",
                "path": "/a",
                "same_site": "strict",
            },
            b"__Secure-theme=v; Path=/a; Domain=example.com; Secure; SameSite=Strict",
            id="everything else",
        ),
        pytest.param(
            {"name": "a", "same_site": "none"}, b"a=v; Path=/; Secure; HttpOnly; SameSite=None", id="for other sites"
        ),
        pytest.param(
            {"name": "a", "max_age_seconds": 60}, b"a=v; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60", id="age"
        ),
        pytest.param({"name": "__Http-a"}, b"__Http-a=v; Path=/; Secure; HttpOnly; SameSite=Lax", id="http prefix"),
        pytest.param(
            {"name": "__Host-Http-a"}, b"__Host-Http-a=v; Path=/; Secure; HttpOnly; SameSite=Lax", id="host http prefix"
        ),
    ],
)
def test_cookies_that_are_written(fields, expected):
    assert build_cookie(CookieRules(**fields), "v") == expected


def test_the_age_can_be_another_for_one_cookie():
    rules = CookieRules(name="a", max_age_seconds=60)
    assert build_cookie(rules, "v").endswith(b"; Max-Age=60")
    assert build_cookie(rules, "v", max_age_seconds=2_592_000).endswith(b"; Max-Age=2592000")
    assert build_cookie(SESSION, "v", max_age_seconds=5).endswith(b"; Max-Age=5")
    assert b"Max-Age" not in build_cookie(SESSION, "v")


@pytest.mark.parametrize("seconds", [0, -1, 34_560_001, True])
def test_ages_that_browsers_cut_or_take_for_a_deletion_are_refused(seconds):
    with pytest.raises(ConfigError):
        CookieRules(name="a", max_age_seconds=seconds)
    with pytest.raises(ConfigError):
        build_cookie(SESSION, "v", max_age_seconds=seconds)


def test_a_deletion_has_the_same_attributes():
    rules = CookieRules(name="__Secure-theme", domain="example.com", path="/a", max_age_seconds=60)
    assert build_deletion(rules) == (
        b"__Secure-theme=; Path=/a; Domain=example.com; Secure; HttpOnly; SameSite=Lax"
        b"; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    )


@pytest.mark.parametrize(
    "fields",
    [
        # RFC 6265bis §4.1.3: a browser drops each of these without a word.
        pytest.param({"name": "__Host-a", "domain": "example.com"}, id="host prefix with domain"),
        pytest.param({"name": "__Host-a", "path": "/a"}, id="host prefix with path"),
        pytest.param({"name": "__Host-a", "secure": False}, id="host prefix, not secure"),
        pytest.param({"name": "__Secure-a", "secure": False}, id="secure prefix, not secure"),
        pytest.param({"name": "__Http-a", "http_only": False}, id="http prefix for scripts"),
        pytest.param({"name": "__Http-a", "secure": False}, id="http prefix, not secure"),
        pytest.param({"name": "__Host-Http-a", "http_only": False}, id="host http prefix for scripts"),
        pytest.param({"name": "__Host-Http-a", "path": "/a"}, id="host http prefix with path"),
        pytest.param({"name": "__Host-Http-a", "domain": "example.com"}, id="host http prefix with domain"),
        # Browsers compare prefixes without regard to case, servers do not: the promise would hold at one end only.
        pytest.param({"name": "__host-a"}, id="host prefix in lower case"),
        pytest.param({"name": "__HOST-a"}, id="host prefix in upper case"),
        pytest.param({"name": "__hOsT-a", "secure": False, "domain": "example.com"}, id="host prefix in mixed case"),
        pytest.param({"name": "__secure-a"}, id="secure prefix in lower case"),
        pytest.param({"name": "a", "same_site": "none", "secure": False}, id="for other sites, not secure"),
        pytest.param({"name": "a", "same_site": "Lax"}, id="same_site in upper case"),
        pytest.param({"name": "a", "same_site": ""}, id="same_site empty"),
        pytest.param({"name": ""}, id="no name"),
        pytest.param({"name": "a b"}, id="blank in the name"),
        pytest.param({"name": "a=b"}, id="equals sign in the name"),
        pytest.param({"name": "a;b"}, id="semicolon in the name"),
        pytest.param({"name": "a\r\nb"}, id="line end in the name"),
        pytest.param({"name": "ä"}, id="name outside ascii"),
        pytest.param({"name": '"a"'}, id="quoted name"),
        pytest.param({"name": "a", "path": "a"}, id="relative path"),
        pytest.param({"name": "a", "path": ""}, id="empty path"),
        pytest.param({"name": "a", "path": "/; Domain=example.com"}, id="path with an attribute"),
        pytest.param({"name": "a", "path": "/\n"}, id="path with a line end"),
        pytest.param({"name": "a", "domain": ""}, id="empty domain"),
        pytest.param({"name": "a", "domain": "example.com; Secure"}, id="domain with an attribute"),
        pytest.param({"name": "a", "domain": "exämple.com"}, id="domain outside ascii"),
    ],
)
def test_rules_that_are_refused(fields):
    with pytest.raises(ConfigError):
        CookieRules(**fields)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("Zm9v-_", id="base64url"),
        pytest.param("a=b", id="equals sign"),
        pytest.param("a%20b", id="percent-encoded"),
        pytest.param("!#$&'()*+-./:<=>?@[]^_`{|}~", id="every other octet"),
    ],
)
def test_values_that_are_written(value):
    header = build_cookie(SESSION, value)
    assert find_cookie(header.partition(b"; ")[0], NAME) == value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("a; Domain=evil.com", id="attribute"),
        pytest.param("a;b", id="semicolon"),
        pytest.param("a\r\nSet-Cookie: b=c", id="another cookie"),
        pytest.param("a\n", id="line end at the end"),
        pytest.param("a\x00b", id="nul"),
        pytest.param("a\x7f", id="delete"),
        pytest.param("v w", id="blank"),
        pytest.param("a\tb", id="tab"),
        pytest.param("a,b", id="comma"),
        pytest.param('"a"', id="quotes"),
        pytest.param("a\\b", id="backslash"),
        pytest.param("ä", id="latin 1"),
        pytest.param("日本", id="unicode"),
        pytest.param("\u560a", id="ends in a line end when cut to bytes"),
        pytest.param("\ud800", id="lone surrogate"),
    ],
)
def test_values_that_are_refused(value):
    with pytest.raises(CookieValueError) as caught:
        build_cookie(SESSION, value)
    assert caught.value.code == "cookie_value"
    assert caught.value.status == 500
    assert value not in caught.value.detail


@pytest.mark.asvs("V3.3.5")
def test_4096_bytes_fit_and_4097_do_not():
    room = MAX_COOKIE_BYTES - len(build_cookie(SESSION, ""))
    assert len(build_cookie(SESSION, "a" * room)) == 4096
    with pytest.raises(CookieValueError):
        build_cookie(SESSION, "a" * (room + 1))
    with pytest.raises(CookieValueError):
        build_cookie(SESSION, "a" * room, max_age_seconds=60)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        pytest.param(b"__Host-session=v", "v", id="alone"),
        pytest.param(b"__Host-session=v; a=b", "v", id="first"),
        pytest.param(b"a=b; __Host-session=v", "v", id="last"),
        pytest.param(b"a=b; __Host-session=v; c=d", "v", id="between"),
        pytest.param(b"a=b;__Host-session=v;c=d", "v", id="no blanks"),
        pytest.param(b"a=b;   \t__Host-session=v", "v", id="many blanks"),
        pytest.param(b" __Host-session=v", "v", id="leading blank"),
        pytest.param(b"\t__Host-session=v", "v", id="leading tab"),
        pytest.param(b"; __Host-session=v", "v", id="empty pair in front"),
        pytest.param(b";;;__Host-session=v;;;", "v", id="empty pairs around"),
        pytest.param(b"__Host-session=v ; a=b", "v", id="blank behind"),
        pytest.param(b"__Host-session= v", "v", id="blank before the value"),
        pytest.param(b"__Host-session=", "", id="empty value"),
        pytest.param(b"__Host-session=; a=b", "", id="empty value and another"),
        pytest.param(b"__Host-session=a=b=", "a=b=", id="equals signs in the value"),
        pytest.param(b'__Host-session="v"', '"v"', id="quotes belong to the value"),
        pytest.param(b"__Host-session=a,b", "a,b", id="comma belongs to the value"),
        pytest.param(b"__Host-session=a%20b", "a%20b", id="nothing is decoded"),
        pytest.param(b"junk; =; a; __Host-session=v; \xff\xfe", "v", id="junk around"),
        pytest.param(b"x__Host-session=evil; __Host-session=v", "v", id="a longer name in front"),
        pytest.param(b"__Host-session2=evil; __Host-session=v", "v", id="a longer name behind"),
        pytest.param(b"a=__Host-session=evil; __Host-session=v", "v", id="its text in a value"),
        pytest.param(b"__Host-session=__Host-session=v", "__Host-session=v", id="its text in its own value"),
    ],
)
def test_the_cookie_is_found(header, value):
    assert find_cookie(header, NAME) == value


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"", id="no header"),
        pytest.param(b";", id="a semicolon"),
        pytest.param(b"a=b", id="another cookie"),
        pytest.param(b"__Host-session", id="no equals sign"),
        pytest.param(b"__Host-session; a=b", id="no equals sign, then another"),
        # Case: a browser would not hold these to the promise of the prefix in all versions.
        pytest.param(b"__HOST-session=v", id="prefix in upper case"),
        pytest.param(b"__host-session=v", id="prefix in lower case"),
        pytest.param(b"__Host-Session=v", id="name in another case"),
        # Tossing: a sibling subdomain sets a second one for a longer path, which browsers send first (RFC 6265 §5.4).
        pytest.param(b"__Host-session=evil; __Host-session=v", id="twice"),
        pytest.param(b"__Host-session=v; __Host-session=v", id="twice the same"),
        pytest.param(b"__Host-session=v; a=b;__Host-session=", id="twice, once empty"),
        pytest.param(b"__Host-session=v;\t__Host-session=w", id="twice, with a tab"),
        pytest.param(b"__Host-session=a; __Host-session=b; __Host-session=c", id="three times"),
        # Phantom cookies: text of another cookie, or of one that the browser did not hold to the prefix.
        pytest.param(b"a=__Host-session=evil", id="in a value"),
        pytest.param(b"a=b __Host-session=evil", id="in a value behind a blank"),
        pytest.param(b"a=b,__Host-session=evil", id="behind a comma"),
        pytest.param(b"a=b, __Host-session=evil", id="behind a comma and a blank"),
        pytest.param(b"=__Host-session=evil", id="cookie without a name"),
        pytest.param(b"= __Host-session=evil", id="cookie without a name, with a blank"),
        pytest.param(b"$Version=1,__Host-session=evil", id="RFC 2109 list"),
        pytest.param(b"$Version=1; $Path=/; x__Host-session=evil", id="RFC 2109 attributes"),
        pytest.param(b"__Host-session =evil", id="blank before the equals sign"),
        pytest.param(b"__Host-session\t=evil", id="tab before the equals sign"),
        # Unicode blanks: servers that strip them find a name that the browser saw as another.
        pytest.param(b"\xc2\xa0__Host-session=evil", id="no-break space in utf-8"),
        pytest.param(b"\xa0__Host-session=evil", id="no-break space in latin 1"),
        pytest.param(b"\x85__Host-session=evil", id="next line in latin 1"),
        pytest.param(b"\xe2\x80\x80__Host-session=evil", id="en quad"),
        pytest.param(b"a=b; \xe3\x80\x80__Host-session=evil", id="ideographic space"),
        pytest.param(b"\x0b__Host-session=evil", id="vertical tab"),
        pytest.param(b"\x0c__Host-session=evil", id="form feed"),
        pytest.param(b"\n__Host-session=evil", id="line feed"),
        pytest.param(b"\x00__Host-session=evil", id="nul"),
        # Encoded names are other names.
        pytest.param(b"%5F%5FHost-session=evil", id="percent-encoded name"),
        pytest.param(b'"__Host-session"=evil', id="quoted name"),
        pytest.param(b"__Host-session=\xff\xfe", id="value outside ascii"),
        pytest.param("__Host-session=ä".encode(), id="value in utf-8"),
    ],
)
def test_no_cookie_is_found(header):
    assert find_cookie(header, NAME) is None


def test_quotes_do_not_join_pairs():
    # The "cookie sandwich": a parser that honours quotes takes all of this for the value of "a", and a page that shows "a"
    # shows the session. Pairs end at semicolons only (RFC 6265 §5.4).
    header = b'a="x; __Host-session=v; b=y"'
    assert find_cookie(header, NAME) == "v"
    assert find_cookie(header, b"a") == '"x'
