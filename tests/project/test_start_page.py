"""The first page of the documentation, followed step by step in a project that `fastness new` makes."""

import re
import sys
from pathlib import Path

from tests.project.test_new_project import FASTNESS, command, make

DOCS = Path(__file__).resolve().parents[2] / "docs"


def block(fence, page="start/README.md"):
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"^```{re.escape(fence)}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found, f"the page has no block {fence}"
    return found[1]


def put(file, block, *, above):
    text = file.read_text(encoding="utf-8")
    assert text.count(above) == 1
    file.write_text(text.replace(above, block + above), encoding="utf-8")


def test_the_first_page_leads_from_nothing_to_a_deployment(tmp_path):
    site = make(tmp_path, "site")
    route = block("python start:app.py")
    put(site / "site_app" / "app.py", route.replace(", access=access.signed_in", "") + "\n\n", above="app = Fastness(")
    done = command(site, *FASTNESS, "routes")
    assert ("'/hello/{name}'" in done.stderr, "site_app/app.py:" in done.stderr, "access.public" in done.stderr) == (
        True,
        True,
        True,
    )
    app = site / "site_app" / "app.py"
    app.write_text(app.read_text().replace('"/hello/{name}"', '"/hello/{name}", access=access.signed_in'))
    assert route in app.read_text()
    (site / "site_app" / "templates" / "hello.html").write_text(block("html start:hello.html"), encoding="utf-8")

    # `make test` is tried elsewhere; of the tests, these are the ones that the page is about.
    tried = (sys.executable, "-m", "pytest", "tests/test_access.py")
    done = command(site, *tried)
    assert (done.returncode == 0, '"GET /hello/{name}": ' in done.stdout) == (False, True), done.stdout
    tests = site / "tests" / "test_access.py"
    put(tests, "Plain, ", above="Sample, assert_matrix")
    put(tests, block("python start:test_access.py"), above="}\n\n\nasync def")
    done = command(site, *tried)
    assert done.returncode == 0, done.stdout + done.stderr

    assert command(site, *FASTNESS, "routes", "--matrix", "--check").returncode == 1
    assert command(site, *FASTNESS, "routes", "--matrix", "--write").returncode == 0
    # Up to the server, which another test starts; the check is what refuses it.
    script = block("sh start:deploy").replace("fastness serve", "fastness check")
    done = command(site, "sh", "-ec", script.replace("fastness ", f"{sys.executable} -m fastness.cli "))
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 grave" in done.stdout


def test_the_tests_of_the_guide_pass_in_a_new_project(tmp_path):
    site = make(tmp_path, "site")
    (site / "tests" / "test_guide.py").write_text(
        block("python testing-guide:test", "guides/testing.md"), encoding="utf-8"
    )
    done = command(site, sys.executable, "-m", "pytest", "tests/test_guide.py")
    assert (done.returncode, "5 passed" in done.stdout) == (0, True), done.stdout + done.stderr
