"""One mail, before it is in the outbox: checked when it is made, and light enough for a page to make one.

It loads no database, as pages that may tell somebody something are loaded with every start.

ASVS 5.0: V1.3.11 (mail injection).
"""

import json
from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from fastness.kernel.formats import decide_slug, decide_text, decide_url
from fastness.kernel.texts import Text
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import Deny
from fastness.mail.addresses import check_address
from fastness.mail.errors import MailError

MAX_KIND_LENGTH: Final = 64
MAX_TEMPLATE_LENGTH: Final = 128
MAX_VALUE_LENGTH: Final = 8_192
MAX_CONTENT_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What somebody is to be told."""

    to: str
    """The address; one mail has one recipient."""
    template: str
    """Name of the template without its ending: "mail/new_device" is new_device.txt, and new_device.html if there is one."""
    context: Mapping[str, str | int] = field(default_factory=dict)
    """The values for the template: texts of one or more lines and numbers, never markup."""
    kind: str
    """What it is about, in small letters with hyphens; can be read in the database and in events."""
    unsubscribe: str = ""
    """An https address that ends further mails of this kind when it is posted to; for mail that is not about security."""
    language: str = ""
    """The language to write it in; without, that of the request that queues it."""
    lives_for: timedelta | None = None
    """How long it makes sense to send it: the life of the link it carries. Without, as long as the rules say."""

    def __post_init__(self) -> None:
        check_address(self.to)
        if len(self.kind) > MAX_KIND_LENGTH or isinstance(decide_slug(self.kind.replace("_", "-")), Deny):
            raise MailError("A mail's kind is a constant in small letters, digits and hyphens, such as new-device.")
        if not 0 < len(self.template) <= MAX_TEMPLATE_LENGTH or not self.template.isascii():
            raise MailError("A mail's template is the name of a file without its ending, such as mail/new_device.")
        if self.unsubscribe and isinstance(decide_url(self.unsubscribe, https_only=True), Deny):
            raise MailError("unsubscribe is an https address.")
        if self.lives_for is not None and self.lives_for <= timedelta(0):
            raise MailError("lives_for must be a positive time.")
        for name, value in self.context.items():
            if not name.isidentifier() or type(value) not in {str, int, Text}:
                raise MailError(f"The values of a mail are plain texts and numbers under names; {name!r} is none.")
            if isinstance(value, str) and isinstance(
                decide_text(value, max_length=MAX_VALUE_LENGTH, is_multiline=True), Deny
            ):
                raise MailError(
                    f"The value {name!r} of a mail is longer than {MAX_VALUE_LENGTH} characters or holds control characters."
                )
        object.__setattr__(self, "context", MappingProxyType(dict(self.context)))

    def __repr__(self) -> str:
        # Address and values stay out of logs.
        return f"Mail(kind={self.kind!r})"

    def to_text(self) -> str:
        """The mail as the row keeps it, before it is sealed."""
        text = json.dumps(
            {
                "to": self.to,
                "template": self.template,
                "context": {name: _kept(value) for name, value in self.context.items()},
                "unsubscribe": self.unsubscribe,
                "language": self.language,
            }
        )
        if len(text) > MAX_CONTENT_BYTES:
            raise MailError(f"The values of a mail take more than {MAX_CONTENT_BYTES} bytes.")
        return text

    @classmethod
    def from_text(cls, text: str, *, kind: str) -> "Mail":
        """The mail that `to_text` wrote."""
        content = json.loads(text)
        content["context"] = {name: _restored(value) for name, value in content["context"].items()}
        return cls(**content, kind=kind)


def _kept(value: str | int) -> object:
    """A text that is translated when the mail is made is kept as what it was made of."""
    if isinstance(value, Text):
        return {"message": value.message, "plural": value.plural, "count": value.number, "values": dict(value.values)}
    return value


def _restored(value: object) -> object:
    if isinstance(value, dict):
        values = {name: one for name, one in value["values"].items() if name != "count"}
        return Text(value["message"], value["plural"], count=value["count"], **values)
    return value
