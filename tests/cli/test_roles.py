"""Roles and groups on the command line."""

import json

import pytest

PASSWORD = "a long pass phrase of the tests\n"


@pytest.fixture
def shop(run):
    """A project with a database and two people."""
    assert run("db", "upgrade").returncode == 0
    for name in ("ada", "bob"):
        assert run("users", "create", name, "--password-stdin", stdin=PASSWORD).returncode == 0
    return run


def told(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_role_from_its_beginning_to_its_end(shop):
    assert "Created" in told(
        shop("roles", "create", "clerks", "--label", "Clerks", "--permission", "accounts.view_users")
    )
    assert told(shop("roles", "grant", "clerks", "--user", "ADA")) == "ADA now has the role clerks.\n"
    assert "already" in told(shop("roles", "grant", "clerks", "--user", "ada"))
    told(shop("groups", "create", "Night shift"))
    told(shop("groups", "add", "night shift", "bob"))
    told(shop("roles", "grant", "clerks", "--group", "Night shift"))
    told(shop("users", "permit", "bob", "accounts.view_roles"))
    assert json.loads(told(shop("roles", "list", "--json"))) == [
        {
            "name": "clerks",
            "label": "Clerks",
            "permissions": ["accounts.view_users"],
            "users": 1,
            "groups": ["Night shift"],
        }
    ]
    assert json.loads(told(shop("groups", "list", "--json"))) == [
        {"name": "Night shift", "members": ["bob"], "roles": ["clerks"]}
    ]
    assert json.loads(told(shop("users", "roles", "bob", "--json"))) == {
        "user": "bob",
        "is_superuser": False,
        "roles": ["clerks"],
        "given_roles": [],
        "groups": ["Night shift"],
        "permissions": ["accounts.view_roles", "accounts.view_users"],
        "given_permissions": ["accounts.view_roles"],
    }
    told(shop("roles", "set", "clerks", "accounts.view_roles"))
    told(shop("roles", "rename", "clerks", "readers"))
    told(shop("groups", "rename", "Night shift", "Late shift"))
    told(shop("groups", "remove", "Late shift", "bob"))
    told(shop("users", "forbid", "bob", "accounts.view_roles"))
    assert "permissions: none" in told(shop("users", "roles", "bob"))
    assert "roles: readers" in told(shop("users", "roles", "ada"))
    told(shop("roles", "revoke", "readers", "--user", "ada"))
    told(shop("groups", "delete", "Late shift"))
    told(shop("roles", "delete", "readers"))
    assert json.loads(told(shop("roles", "list", "--json"))) == []


def test_somebody_who_is_held_up_can_try_again(shop):
    assert "ada can try again at once" in told(shop("users", "unlock", "ada"))


def test_the_first_superuser_comes_from_here(shop):
    told(shop("roles", "grant", "superuser", "--user", "ada"))
    assert "permissions: everything" in told(shop("users", "roles", "ada"))
    assert "everything" in told(shop("roles", "list"))


def test_the_last_superuser_stays_unless_somebody_says_why(shop):
    told(shop("roles", "grant", "superuser", "--user", "ada"))
    for arguments in (("roles", "revoke", "superuser", "--user", "ada"), ("users", "close", "ada")):
        done = shop(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert "--without-superuser WHY" in done.stderr
    assert "needs a reason" in shop("users", "close", "ada", "--without-superuser", "why").stderr
    told(shop("users", "close", "ada", "--without-superuser", "moved to another machine"))
    assert "closed already" in shop("users", "close", "ada").stderr
    assert "open again" in told(shop("users", "reopen", "ada"))


def test_staff_is_marked_and_unmarked_from_here(shop):
    assert "not staff" in shop("users", "staff", "ada", "--remove").stderr
    assert told(shop("users", "staff", "ada")) == "ada is staff now.\n"
    assert "staff already" in shop("users", "staff", "ada").stderr
    assert told(shop("users", "staff", "ada", "--remove")) == "ada is no longer staff.\n"


def test_sessions_are_ended_from_here(shop):
    assert told(shop("users", "end-sessions", "ada")) == "Ended 0 sessions.\n"
    assert told(shop("users", "end-sessions", "--all")) == "Ended 0 sessions.\n"
    for arguments in ((), ("ada", "--all")):
        assert shop("users", "end-sessions", *arguments).returncode == 2
    assert "no second factors, 0 recovery codes left" in told(shop("users", "factors", "ada"))


def test_permissions_are_listed_with_what_they_allow(run):
    described = json.loads(told(run("roles", "permissions", "--json")))
    assert described["accounts.grant_roles"].startswith("May give roles")


REFUSED = {
    ("roles", "grant", "nobody", "--user", "ada"): "no role nobody",
    ("roles", "grant", "superuser", "--user", "eve"): "no user eve",
    ("roles", "grant", "superuser", "--group", "x"): "no group x",
    ("roles", "grant", "superuser"): "--user NAME or --group NAME",
    ("roles", "create", "\u0441lerks"): "small ASCII letters",
    ("roles", "create", "clerks", "--permission", "accounts.view_user"): "Did you mean 'accounts.view_users'",
    ("roles", "delete", "superuser"): "can be granted and revoked",
    ("groups", "add", "none", "ada"): "no group none",
    ("users", "unlock", "eve"): "no user eve",
}


def test_what_cannot_be_done_says_why_and_changes_nothing(shop):
    for arguments, says in REFUSED.items():
        done = shop(*arguments)
        assert (done.returncode, done.stdout) == (1, ""), arguments
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    assert json.loads(told(shop("groups", "list", "--json"))) == []
    assert "roles: none" in told(shop("users", "roles", "ada"))


def test_without_a_database_it_says_what_to_run(run):
    done = run("roles", "list")
    assert done.returncode == 1
    assert "fastness db upgrade" in done.stderr
