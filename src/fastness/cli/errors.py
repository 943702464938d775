"""A command that cannot do what was asked; the message says what to do instead."""

from typing import ClassVar

from fastness.kernel.errors import ConfigError


class CommandError(ConfigError):
    """The command was refused, and nothing was changed."""

    code: ClassVar[str] = "command"
