"""What is wrong with the settings, all of it at once.

Whoever deploys reads this in a terminal or in the log of a container that did not start; being told one problem a
restart wastes an evening. A problem names the variable and what is expected there. It never shows a value: the wrong
value of one variable is often the right one of another, and then it is a key.

ASVS 5.0: V16.2.5 (no credentials in logs), V13.3.1.
"""

from typing import ClassVar

from fastness.kernel.errors import ConfigError


class SettingsError(ConfigError):
    """The settings cannot be used; `problems` holds one sentence each."""

    code: ClassVar[str] = "settings"

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        listed = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"The settings cannot be used:\n{listed}")
