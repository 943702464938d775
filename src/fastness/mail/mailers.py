"""Where a message goes: the contract, the terminal for development, a list for tests.

ASVS 5.0: V16.4.1 (nothing in a mail acts on the terminal).
"""

import sys
from email.message import EmailMessage
from typing import Protocol, TextIO

from fastness.kernel.errors import ConfigError
from fastness.mail.errors import MailDelayedError


class Mailer(Protocol):
    """Hands a message over, or says why not."""

    async def send(self, message: EmailMessage) -> None:
        """Return when somebody else is responsible for the message.

        Raises:
            MailDelayedError: not now.
            MailRefusedError: not ever.
        """
        ...


class NoMailer:
    """Sends nothing: mail waits."""

    __slots__ = ()

    async def send(self, message: EmailMessage) -> None:  # noqa: ARG002 - it has nowhere to go
        raise MailDelayedError("no_backend", is_server_away=True)


class ConsoleMailer:
    """Writes the text of a message to the terminal."""

    __slots__ = ("_stream",)

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    async def send(self, message: EmailMessage) -> None:
        stream = sys.stderr if self._stream is None else self._stream
        head = [f"{name}: {message[name]}" for name in ("From", "To", "Subject")]
        lines = [*head, "", *text_of(message).rstrip().splitlines()]
        stream.write("".join(f"mail| {_visible(line)}".rstrip() + "\n" for line in lines))
        stream.flush()


class MemoryMailer:
    """Keeps messages in a list."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []

    async def send(self, message: EmailMessage) -> None:
        self.sent.append(message)


def text_of(message: EmailMessage) -> str:
    """The plain text of a message."""
    part = message.get_body(("plain",))
    if part is None:
        raise ConfigError("The message has no plain text.")
    return str(part.get_content())


def _visible(line: str) -> str:
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in line)
