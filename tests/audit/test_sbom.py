"""The list of components is CycloneDX by its own schema, and names no index."""

import json

from fastness.audit.pins import Dependency
from fastness.audit.sbom import VERSION, make_sbom
from tests.audit.conftest import NOW

DEPENDENCIES = (
    Dependency(name="jinja2", version="2.10", where="requirements.txt", hashes=("sha256:" + "ab" * 32,)),
    Dependency(
        name="markupsafe", version="1.1", where="requirements.txt", hashes=("sha256:" + "0" * 64, "sha256:" + "1" * 64)
    ),
)


def test_it_is_valid():
    # Here, for it makes forty grammars, which take a second: most tests do without.
    from cyclonedx.validation.json import JsonStrictValidator

    text = make_sbom(project="shop", version="1", dependencies=DEPENDENCIES, now=NOW)
    assert JsonStrictValidator(VERSION).validate_str(text) is None


def test_it_says_what_was_looked_at():
    content = json.loads(make_sbom(project="shop", version="1", dependencies=DEPENDENCIES, now=NOW))
    assert content["metadata"]["component"]["name"] == "shop"
    assert content["metadata"]["timestamp"].startswith("2026-11-15")
    assert {each["purl"]: len(each.get("hashes", ())) for each in content["components"]} == {
        "pkg:pypi/jinja2@2.10": 1,
        "pkg:pypi/markupsafe@1.1": 0,
    }


def test_licences_of_what_is_installed_are_in_it():
    from importlib.metadata import version

    installed = Dependency(name="starlette", version=version("starlette"), where="installed")
    content = json.loads(make_sbom(project="shop", version="1", dependencies=(installed,), now=NOW))
    assert content["components"][0]["licenses"]
