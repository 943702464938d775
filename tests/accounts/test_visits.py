"""Whether the tests that look at every account page see every one."""

import asyncio
import re

import pytest

from tests.accounts.visits import missing_templates, visit_all


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    return asyncio.run(visit_all(tmp_path_factory.mktemp("visits")))


@pytest.fixture(scope="module")
def pages(visits):
    return visits.pages


def test_no_page_is_forgotten(visits):
    assert missing_templates(visits) == set()
    assert len(visits.pages) > 40


@pytest.mark.parametrize(
    ("name", "place"),
    [
        pytest.param("security", "Security", id="itself"),
        pytest.param("security/app", "Security", id="below"),
        pytest.param("password", "Password", id="password"),
        pytest.param("email, refused", "Mail address", id="with-a-problem"),
        pytest.param("devices", "Your devices", id="devices"),
        pytest.param("new token", "API tokens", id="tokens"),
        pytest.param("data", "Your data", id="data"),
        pytest.param("token", None, id="shown-once"),
        pytest.param("recovery codes", None, id="codes-shown-once"),
        pytest.param("sign-in", None, id="not-signed-in"),
        pytest.param("second factor", None, id="half-signed-in"),
    ],
)
def test_the_pages_of_an_account_lead_to_each_other_and_say_where_one_is(pages, name, place):
    links = re.findall(r'<a href="(/account/[^"]+)" aria-current="(true|false)">([^<]+)', pages[name])
    assert len(links) == (0 if place is None else 6)
    assert [text for _, state, text in links if state == "true"] == [place] * (place is not None)
