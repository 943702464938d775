"""Without a word of the browser for it, no unsafe request passes; and nothing raises."""

from hypothesis import given
from hypothesis import strategies as st

from fastness.kernel.crosssite import CrossSiteReason, CrossSiteRules, decide_cross_site
from fastness.kernel.verdicts import ALLOW

RULES = CrossSiteRules(trusted_origins=("https://forms.example",))
OWN = {"https://a.example", "https://a.example:443"}
TRUSTED = {"https://forms.example", "https://forms.example:443"}
ORIGINS = (
    st.none()
    | st.sampled_from(
        [*OWN, *TRUSTED, "null", "", "https://evil.example", "http://a.example", "https://a.example.evil"]
    )
    | st.text(max_size=20)
    | st.text(alphabet="https:/a.exmpl@", max_size=20).map(lambda text: "https://" + text)
)
SITES = st.none() | st.sampled_from(["same-origin", "none", "same-site", "cross-site", ""]) | st.text(max_size=12)
METHODS = st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "get", "TRACE"]) | st.text(max_size=8)


def decide(method, site, origin, *, is_websocket, has_session):
    return decide_cross_site(
        RULES,
        method=method,
        is_websocket=is_websocket,
        sec_fetch_site=site,
        origin=origin,
        scheme="https",
        host="a.example",
        has_session_cookie=has_session,
    )


def is_one_of(origin, known):
    return origin is not None and origin.lower().replace(".:", ":").removesuffix(".") in known


@given(METHODS.filter(lambda method: method not in {"GET", "HEAD", "OPTIONS"}), SITES, ORIGINS, st.booleans())
def test_an_unsafe_request_passes_only_on_the_word_of_the_browser(method, site, origin, has_session):
    verdict = decide(method, site, origin, is_websocket=False, has_session=has_session)
    if verdict is not ALLOW:
        assert verdict.reason in set(CrossSiteReason)
        return
    said_own = site in {"same-origin", "none"}
    said_origin = is_one_of(origin, TRUSTED) or (site is None and is_one_of(origin, OWN))
    is_program = site is None and origin is None and not has_session
    assert said_own or said_origin or is_program


@given(METHODS | st.just("GET"), SITES, ORIGINS, st.booleans())
def test_a_handshake_passes_only_with_an_origin_or_without_a_session(method, site, origin, has_session):
    verdict = decide(method, site, origin, is_websocket=True, has_session=has_session)
    if verdict is not ALLOW:
        assert verdict.reason in set(CrossSiteReason)
        return
    assert is_one_of(origin, OWN | TRUSTED) or (origin is None and not has_session)
    assert site in {None, "same-origin", "none"} or is_one_of(origin, TRUSTED)


@given(METHODS, SITES, ORIGINS, st.booleans())
def test_a_session_never_opens_a_way(method, site, origin, is_websocket):
    with_session = decide(method, site, origin, is_websocket=is_websocket, has_session=True)
    without = decide(method, site, origin, is_websocket=is_websocket, has_session=False)
    assert with_session is not ALLOW or without is ALLOW
