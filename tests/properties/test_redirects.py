"""Whatever is allowed as a redirect target, a browser that follows it is on our host, or on a declared one."""

from hypothesis import example, given
from hypothesis import strategies as st

from fastness.kernel.redirects import RedirectRules, decide_redirect, try_safe_target
from fastness.kernel.verdicts import ALLOW
from tests.vectors.browser import destination

OWN = "good.example"
PIECES = st.sampled_from(
    [
        *("/", "//", "\\", ":", "@", "?", "#", ".", "..", ";", "%", "%2f", "%5c", "%09", "%0a", "%00", "%2e", "%252f"),
        *(
            " ",
            "\t",
            "\n",
            "\r",
            "\0",
            "\x1f",
            "\x7f",
            "\xa0",
            "\xad",
            "\u2028",
            "\u3002",
            "\uff0f",
            "\uff0e",
            "\uff20",
        ),
        *("http", "https", "HTTPS", "javascript", "data", "https:", "https://", "http://", "//"),
        *(
            "good.example",
            "GOOD.example",
            "evil.example",
            "evil",
            "example",
            "[::1]",
            "127.0.0.1",
            ":443",
            ":80",
            ":8",
            "a",
        ),
    ]
)
TARGETS = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30)


@given(TARGETS, st.sampled_from(["http", "https"]))
@example("https:/\\good.example", "https")
@example("/\t/evil.example", "https")
def test_an_allowed_target_stays_here(target, page_scheme):
    if decide_redirect(RedirectRules(), target, own_host=OWN) is ALLOW:
        scheme, host = destination(target, f"{page_scheme}://{OWN}/page")
        assert scheme in {"http", "https"}
        assert host.removesuffix(".") == OWN


@given(TARGETS)
def test_an_allowed_target_stays_on_the_hosts_that_were_declared(target):
    rules = RedirectRules(allowed_hosts=(".evil.example", "127.0.0.1"))
    if decide_redirect(rules, target, own_host=OWN) is ALLOW:
        host = destination(target, f"https://{OWN}/page")[1].removesuffix(".")
        assert host in {OWN, "evil.example", "127.0.0.1"} or host.endswith(".evil.example")


@given(TARGETS)
def test_an_allowed_target_is_one_line_of_ascii(target):
    if try_safe_target(RedirectRules(), target, own_host=OWN) is not None:
        assert target.isascii()
        assert target.isprintable()
        assert " " not in target


@given(st.lists(PIECES, max_size=6).map("".join))
def test_what_stands_in_the_query_decides_nothing(query):
    allowed = decide_redirect(RedirectRules(), f"/?{query}", own_host=OWN) is ALLOW
    assert allowed == (query.isascii() and query.isprintable() and " " not in query and "\\" not in query)
