"""The lock file: what stands in it, and which changes of the routes no longer match."""

import pytest

from fastness.checks.check import Deployment
from fastness.checks.lock import LOCK_FILE, check_lock, differences, entries_of, lock_text
from fastness.kernel.because import Because
from fastness.kernel.hosts import HostRules
from fastness.kernel.secret import Secret
from fastness.kernel.tokens import random_token
from fastness.settings.profiles import Profile
from fastness.settings.settings import Settings
from fastness.web import access
from fastness.web.debugtoken import debug_routes
from fastness.web.routing import Routes, seal_route


async def handler(request): ...


def sealed(*groups):
    return tuple(seal_route(declared) for group in groups for declared in group.declared())


EDITORS = access.permission("shop.edit")


def shop(rule=EDITORS, *, is_reversed=False, path="/things/{thing_id:uuid}", **options):
    declared = [("/", access.public, {}), (path, rule, options)]
    routes = Routes()
    for one, its_rule, its_options in reversed(declared) if is_reversed else declared:
        routes.post(one, access=its_rule, **its_options)(handler)
    return sealed(routes)


LOCK = lock_text(entries_of(shop()))


def findings(folder, routes):
    settings = Settings(
        secret_key=Secret(random_token(48)), profile=Profile.PRODUCTION, hosts=HostRules(allowed=("shop.example.com",))
    )
    return list(check_lock(Deployment(settings=settings, routes=routes, folder=folder)))


def test_a_line_has_methods_path_rule_and_what_is_left_out():
    routes = shop(
        insecure_skip_csrf=Because("the reader of cards\nsends no token"),
        trusted_origins=("https://pay.example",),
        framing="same-origin",
        tokens=True,
    )
    assert lock_text(entries_of(routes)).splitlines()[-1] == (
        "POST /things/{thing_id:uuid}  permission(shop.edit)  [insecure_skip_csrf: the reader of cards sends no token]"
        "  [framing: same-origin]  [tokens]  [trusted_origins: https://pay.example]"
    )


@pytest.mark.parametrize(
    ("routes", "where"),
    [
        pytest.param(shop(), [], id="the-same"),
        pytest.param(shop(access.signed_in), ["POST /things/{thing_id:uuid}"], id="another-rule"),
        pytest.param(shop(access.public), ["POST /things/{thing_id:uuid}"], id="the-rule-lost"),
        pytest.param(
            shop(insecure_skip_csrf=Because("we shall see about that")),
            ["POST /things/{thing_id:uuid}"],
            id="exemption",
        ),
        pytest.param(shop(framing="same-origin"), ["POST /things/{thing_id:uuid}"], id="framing"),
        pytest.param(shop(tokens=True), ["POST /things/{thing_id:uuid}"], id="tokens"),
        pytest.param(shop(path="/all"), ["POST /all", "POST /things/{thing_id:uuid}"], id="new-and-gone"),
        pytest.param(shop(is_reversed=True), ["POST /things/{thing_id:uuid}"], id="another-order"),
        pytest.param(shop()[:1], ["POST /things/{thing_id:uuid}"], id="gone"),
        pytest.param((*shop(), *shop()[1:]), ["POST /things/{thing_id:uuid}"], id="twice"),
        pytest.param((*shop(), *sealed(debug_routes)), [], id="a-page-of-the-developer's-own-server"),
    ],
)
def test_what_no_longer_matches_is_named(routes, where):
    assert [one for one, _ in differences(LOCK, entries_of(routes))] == where


def test_a_line_that_nobody_can_read_is_no_match():
    assert differences(LOCK + "<<<<<<< HEAD\n", entries_of(shop()))


def test_own_comments_stay_above_their_line():
    commented = LOCK.replace("POST /things", "# the till\n# and the cellar\nPOST /things")
    assert lock_text(entries_of(shop()), commented) == commented
    assert differences(commented, entries_of(shop())) == []
    changed = lock_text(entries_of(shop(access.signed_in)), commented)
    assert "# and the cellar\nPOST /things/{thing_id:uuid}  signed_in" in changed
    assert "the till" not in lock_text(entries_of(shop()[:1]), commented)


def test_the_check(tmp_path):
    assert findings(tmp_path, ()) == []
    (finding,) = findings(tmp_path, shop())
    assert (finding.id, finding.is_error) == ("FST-ACCESS-002", False)
    (tmp_path / LOCK_FILE).write_text(LOCK)
    assert findings(tmp_path, shop()) == []
    (finding,) = findings(tmp_path, shop(access.public))
    assert (finding.id, finding.is_error) == ("FST-ACCESS-001", True)
    assert "permission(shop.edit)" in finding.detail
    (tmp_path / LOCK_FILE).write_bytes(b"\xff\xfe")
    (finding,) = findings(tmp_path, shop())
    assert (finding.id, finding.is_error) == ("FST-ACCESS-001", True)
