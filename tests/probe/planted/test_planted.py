"""Each fault is found under its own id, by the check that is for it, and the same app without the fault is clean there."""

import pytest

from fastness.probe.catalogue import CHECKS
from fastness.probe.runner import run_probe
from tests.probe.careless import serving
from tests.probe.planted.faults import (
    echoed,
    first_host,
    foreign_entries,
    header_of,
    instead,
    is_at,
    is_other_spelling,
    keeping_id,
    one_length,
    opening_sockets,
    original_url,
    overridden,
    own_host,
    page_at,
    reflecting,
    replaced,
    respelt,
    rewritten,
    signing_in,
    splitting,
    swallowing_sign_out,
    with_header,
    without,
)

pytestmark = pytest.mark.sockets

HTML = {"content-type": "text/html; charset=utf-8"}
TEXT = {"content-type": "text/plain; charset=utf-8"}
MAREN = ("ada",)
BOTH = ("ada", "eve")
CSP = "content-security-policy"


def is_missing(scope, status):
    return status == 404


def says_private_network(scope):
    return scope["path"] == "/entries" and header_of(scope, b"x-forwarded-for").startswith("127.")


def is_get(path):
    return lambda scope: scope["path"] == path and scope["method"] == "GET"


def names(host_of):
    return lambda scope: (200, HTML, f'<!doctype html><a href="https://{host_of(scope)}/x">')


FAULTS = [
    ("001", "headers", without(CSP, when=is_missing), ()),
    ("002", "headers", with_header(CSP, "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'"), ()),
    ("003", "headers", replaced(CSP, "script-src ", "script-src 'nonce-AAAAAAAAAAAAAAAAAAAAAA==' "), ()),
    ("004", "headers", without("x-content-type-options", when=is_missing), ()),
    ("005", "headers", replaced(CSP, "frame-ancestors 'none'", "frame-ancestors *"), ()),
    ("006", "headers", with_header("referrer-policy", "unsafe-url"), ()),
    ("007", "headers", without("cross-origin-opener-policy"), ()),
    ("008", "headers", with_header("content-type", "text/html", when=is_at("/")), ()),
    ("009", "headers", with_header("server", "nginx/1.18.0"), ()),
    ("010", "cookies", replaced("set-cookie", "; HttpOnly", ""), MAREN),
    ("011", "cookies", replaced("set-cookie", "SameSite=Lax", "SameSite=None"), MAREN),
    ("012", "cookies", replaced("set-cookie", "; HttpOnly", "; HttpOnly; Domain=example.com"), MAREN),
    ("013", "caching", with_header("cache-control", "public, max-age=60", when=is_at("/entries")), MAREN),
    ("014", "caching", with_header("cache-control", "max-age=60", when=is_at("/account/sign-in")), MAREN),
    ("015", "caching", without("cache-control", when=is_missing), ()),
    ("020", "names of the site", rewritten(own_host), ()),
    ("021", "forwarded names", instead(is_get("/"), names(lambda scope: header_of(scope, b"x-forwarded-host"))), ()),
    ("022", "names of the site", rewritten(first_host), ()),
    ("023", "spoofed addresses", instead(says_private_network, lambda scope: (200, TEXT, "inside")), ()),
    (
        "024",
        "spoofed schemes",
        instead(
            lambda scope: header_of(scope, b"x-forwarded-proto") == "https",
            lambda scope: (200, {**TEXT, "strict-transport-security": "max-age=1"}, "over TLS"),
        ),
        (),
    ),
    ("025", "rewritten paths", rewritten(original_url), ()),
    (
        "030",
        "forged requests",
        instead(
            lambda scope: (scope["method"], scope["path"]) == ("POST", "/entries"), lambda scope: (201, TEXT, "ok")
        ),
        MAREN,
    ),
    ("031", "shared origins", reflecting, ()),
    ("032", "sockets", opening_sockets, ()),
    ("040", "other methods", instead(lambda scope: scope["method"] == "TRACE", lambda scope: (200, TEXT, "echo")), ()),
    ("041", "overridden methods", rewritten(overridden), ()),
    ("042", "HEAD", instead(lambda scope: scope["method"] == "HEAD", lambda scope: (404, TEXT, "")), ()),
    ("050", "spellings of paths", instead(is_other_spelling, lambda scope: (200, HTML, "entries")), ()),
    (
        "051",
        "files outside",
        instead(lambda scope: ".." in scope["path"], lambda scope: (200, TEXT, "root:x:0:0:root:/root:/bin/sh")),
        (),
    ),
    (
        "052",
        "deceived caches",
        instead(lambda scope: scope["path"] == "/entries/probe.css", lambda scope: (200, HTML, "entries of ada")),
        MAREN,
    ),
    (
        "055",
        "redirects",
        instead(
            lambda scope: scope["path"] == "/go" and b"next=%2F%2Fprobe" in scope["query_string"],
            lambda scope: (302, {"location": "//probe.invalid/"}, ""),
        ),
        (),
    ),
    ("056", "split headers", respelt(splitting), ()),
    ("060", "errors", page_at("/go", "Traceback (most recent call last):", status=500), ()),
    ("061", "errors", page_at("/go", "sorry", status=500), ()),
    ("062", "reflections", instead(is_get("/"), lambda scope: (200, HTML, f"<p>{echoed(scope)}")), ()),
    (
        "063",
        "reflections",
        instead(is_get("/"), lambda scope: (200, TEXT, echoed(scope).replace("{{7191*7}}", str(7191 * 7)))),
        (),
    ),
    ("070", "leftovers", page_at("/.git/HEAD", "ref: refs/heads/main\n"), ()),
    ("071", "leftovers", page_at("/metrics", "# HELP python_info\n"), ()),
    ("072", "leftovers", page_at("/openapi.json", '{"openapi": "3.1.0"}'), ()),
    (
        "073",
        "leftovers",
        lambda app: page_at("/static/a.js.map", '{"mappings": "A"}')(
            page_at("/", '<script src="/static/a.js"></script>')(app)
        ),
        (),
    ),
    ("074", "leftovers", page_at("/uploads/", "<title>Index of /uploads</title>"), ()),
    ("080", "rules of routes", page_at("/entries", "everybody's entries"), ()),
    ("081", "rules of routes", page_at("/vault", "no", status=403), ()),
    ("082", "objects of others", foreign_entries, BOTH),
    ("090", "accounts told apart", signing_in(lambda name, _: (404, 0) if name.startswith("probe-") else None), MAREN),
    (
        "091",
        "accounts told apart",
        signing_in(lambda name, word: None if not word.startswith("wrong ") else (422, 0.4 * (name == "ada"))),
        MAREN,
    ),
    ("092", "guesses", signing_in(lambda name, _: (422, 0) if name.startswith("probe-") else None), ()),
    ("093", "life of sessions", respelt(keeping_id), MAREN),
    ("094", "life of sessions", swallowing_sign_out(), MAREN),
    ("110", "lengths", rewritten(one_length), ()),
    ("111", "sizes", page_at("/"), ()),
]


async def ids_found(app, aim, check, accounts):
    async with serving(app) as port:
        report = await run_probe(
            aim(port, names=accounts), checks=[(name, one) for name, one in CHECKS if name == check]
        )
    assert report.unchecked == ()
    return {finding.id for finding in report.findings}


@pytest.mark.parametrize(
    ("number", "check", "fault", "accounts"), [pytest.param(*row, id=f"{row[0]}-{row[1]}") for row in FAULTS]
)
async def test_a_fault_is_found_under_its_id(app, aim, number, check, fault, accounts):
    assert f"FST-PROBE-{number}" in await ids_found(fault(app), aim, check, accounts)


async def test_the_same_app_without_a_fault_is_clean(app, aim):
    async with serving(app) as port:
        report = await run_probe(aim(port, names=BOTH))
    assert [(finding.id, finding.where) for finding in report.findings] == []
    assert report.unchecked == ()
