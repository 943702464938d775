"""Whether the tests that look at every account page see every one."""

from tests.accounts.visits import missing_templates, visit_all


async def test_no_page_is_forgotten(tmp_path):
    visits = await visit_all(tmp_path)
    assert missing_templates(visits) == set()
    assert len(visits.pages) > 40
