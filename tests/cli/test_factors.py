"""Second factors on the command line."""

PASSWORD = "a long pass phrase of the tests\n"


def test_factors_are_reset(run):
    assert run("db", "upgrade").returncode == 0
    assert run("users", "create", "ada", "--password-stdin", stdin=PASSWORD).returncode == 0
    done = run("users", "reset-factors", "ADA")
    assert done.returncode == 0, done.stderr
    assert "ada has no second factor" in done.stdout


def test_nobody_is_reset(run):
    assert run("db", "upgrade").returncode == 0
    done = run("users", "reset-factors", "nobody")
    assert done.returncode == 1
    assert "There is no user nobody." in done.stderr
