"""Cookies against the plain reading: split at semicolons, cut at the first equals sign."""

from hypothesis import given
from hypothesis import strategies as st

from fastness.kernel.cookies import CookieRules, CookieValueError, build_cookie, find_cookie

NAME = b"__Host-s"
PIECES = st.sampled_from(
    [
        NAME,
        NAME + b"=",
        b"; ",
        b";",
        b"=",
        b" ",
        b"\t",
        b",",
        b'"',
        b"a",
        b"b=c",
        b"$Version=1",
        b"\xc2\xa0",
        b"\xff",
        b"__host-s=x",
    ]
)
HEADERS = st.lists(PIECES, max_size=12).map(b"".join) | st.binary(max_size=40)
RULES = CookieRules(name=NAME.decode())


def plain_reading(header, name):
    pairs = [pair.lstrip(b" \t").partition(b"=") for pair in header.split(b";")]
    values = [value.strip(b" \t") for found, equals, value in pairs if found == name and equals]
    return values[0].decode() if len(values) == 1 and values[0].isascii() else None


@given(HEADERS)
def test_the_same_cookie_is_found(header):
    assert find_cookie(header, NAME) == plain_reading(header, NAME)


@given(HEADERS, HEADERS)
def test_a_second_cookie_of_the_name_hides_both(before, behind):
    header = b"%b; %b=1; %b; %b=2" % (before, NAME, behind, NAME)
    assert find_cookie(header, NAME) is None


@given(
    st.text(max_size=30) | st.text(alphabet='abc=; ,\r\n"\\\0ä', max_size=10),
    st.lists(PIECES.filter(lambda p: NAME not in p)),
)
def test_what_is_written_is_found_again_or_was_refused(value, others):
    try:
        header = build_cookie(RULES, value)
    except CookieValueError:
        assert not value.isascii() or any(character in '",;\\' or not "!" <= character <= "~" for character in value)
        return
    pair, *attributes = header.split(b"; ")
    assert attributes == [b"Path=/", b"Secure", b"HttpOnly", b"SameSite=Lax"]
    assert find_cookie(pair, NAME) == value
    assert find_cookie(b"".join(others) + b"; " + pair + b"; " + b"".join(others), NAME) == value
