"""How xdist divides the tests: whole files, the longest first, and the browser's as one.

A file's fixtures are made once then, and no worker waits after each test to be told the next. What takes long and is begun last
would leave the other workers idle at the end. A browser waits more than it computes: one worker at a time has one.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

BROWSER = "tests/browser/"
LONGEST = (BROWSER, "tests/project/", "tests/probe/", "tests/audit/", "tests/cli/", "tests/attacks/", "tests/accounts/")
"""Folders whose tests start browsers, servers and commands; the one that takes longest comes first."""


class FileScheduling(LoadScopeScheduling):
    """Hands out files in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # would begin with the files of most tests: the short ones

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else nodeid.partition("::")[0]


def turn_of(item: pytest.Item) -> int:
    """When a test is handed out; those with the same turn stay in their order."""
    folders = [number for number, folder in enumerate(LONGEST) if item.nodeid.startswith(folder)]
    return folders[0] if folders else len(LONGEST)
