"""`fastness users invite`, in a process of its own, on either database; and where its link leads."""

import pytest

from fastness.cli.errors import CommandError
from fastness.cli.inviting import place_for
from fastness.kernel.hosts import HostRules
from fastness.settings.profiles import Profile
from tests.web.shop import make_settings


def test_inviting(run_there):
    run_there("db", "upgrade")
    done = run_there("users", "invite", "grace@mail.example", "--username", "grace", "--name", "Grace Hopper")
    assert (done.returncode, done.stdout.partition(".")[0]) == (0, "Created grace"), done.stderr
    assert "/account/invite/" not in done.stdout + done.stderr
    again = run_there("users", "invite", "grace@mail.example", "--username", "Grace")
    assert (again.returncode, again.stdout.partition(".")[0]) == (0, "Invited again: grace"), again.stderr
    other = run_there("users", "invite", "eve@mail.example", "--username", "grace")
    assert (other.returncode, other.stderr.strip()) == (1, "error: There is a user of this name already.")
    odd = run_there("users", "invite", "eve@mail.example", "--username", "e  ve")
    assert (odd.returncode, odd.stderr.strip()) == (1, "error: The user name has more than one space in a row.")


@pytest.mark.parametrize("address", ["ada", "ada@mail.example\nbcc: eve@mail.example", "ada@"])
def test_an_address_that_is_none(run, address):
    done = run("users", "invite", address)
    assert (done.returncode, "no address" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("options", "address", "page"),
    [
        pytest.param({}, None, "https://shop.example/account/invite/", id="first-host"),
        pytest.param({}, "https://www.shop.example/", "https://www.shop.example/account/invite/", id="said"),
        pytest.param({"profile": Profile.DEVELOPMENT}, None, "http://localhost:8000/account/invite/", id="development"),
        pytest.param({}, "http://shop.example", None, id="unencrypted"),
        pytest.param({}, "shop.example", None, id="no-scheme"),
        pytest.param({"hosts": HostRules(allowed=(".shop.example",))}, None, None, id="many-hosts"),
    ],
)
def test_where_the_link_leads(options, address, page):
    settings = make_settings(**options)
    if page is None:
        with pytest.raises(CommandError):
            place_for(settings, address)
    else:
        assert place_for(settings, address).page == page
