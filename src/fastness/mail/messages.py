"""From a mail in the outbox to the message that is sent: templates, headers, sizes.

The attacker chooses values: names, addresses, what a browser calls itself. No value becomes a header line (a line break in an
address or a subject is refused, and once more by the library that writes the headers), none becomes markup (the HTML part is
compiled by the contextual escaper, the text part takes plain text only), none makes the mail big. There are no pictures, no
counted links, nothing that tells the sender that somebody read it.

The id is made of the row's, so that a mail that was sent twice shows as one in programs that look at it (RFC 5322 §3.6.4).

ASVS 5.0: V1.3.11 (SMTP injection), V1.2.1 (encoding for the context).
"""

from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from fastness.html.environment import TemplateEnvironment
from fastness.html.plaintext import PlainTextTemplates
from fastness.html.translating import CATALOGUES
from fastness.html.translating import Messages as Catalogues
from fastness.kernel.languages import ENGLISH
from fastness.kernel.texts import translated
from fastness.mail.addresses import check_address, check_header, domain_of
from fastness.mail.errors import MailError
from fastness.mail.mail import Mail
from fastness.mail.rules import MailRules

OWN_TEMPLATES: Final = Path(__file__).parent / "templates"
DEFAULT_SENDER: Final = "noreply@localhost.localdomain"
"""For the console and the memory; a mail server is never given it."""
MAX_MESSAGE_BYTES: Final = 524_288
_SUBJECT: Final = "Subject: "


class Messages:
    """Makes messages of mails, from templates in the app's folder first and in ours after it."""

    __slots__ = ("_default", "_rules", "_writers")

    def __init__(
        self,
        rules: MailRules,
        folders: Sequence[Path] = (),
        *,
        reloads: bool = False,
        languages: Sequence[str] = (ENGLISH,),
    ) -> None:
        self._rules = rules
        every = [*folders, OWN_TEMPLATES]
        self._writers = {language: _Writer(every, language, reloads=reloads) for language in languages}
        self._default = self._writers[languages[0]]

    @property
    def sender(self) -> str:
        """The address that mail comes from."""
        return self._rules.sender or DEFAULT_SENDER

    def make(self, mail: Mail, *, mail_id: UUID, created_at: datetime) -> EmailMessage:
        """The message: the same one each time it is made for a row.

        Raises:
            MailError: the template has no subject, or the message is too big.
        """
        writer = self._writers.get(mail.language, self._default)
        subject, text = self._text_of(mail, writer)
        message = EmailMessage(policy=SMTP)
        message["From"] = _address(self.sender, self._rules.sender_name)
        check_address(mail.to)
        message["To"] = _address(mail.to)
        if self._rules.reply_to:
            message["Reply-To"] = _address(self._rules.reply_to)
        message["Subject"] = subject
        message["Date"] = format_datetime(created_at)
        message["Message-ID"] = f"<{mail_id}@{domain_of(self.sender)}>"
        # No machine answers a machine (RFC 3834 §5): no notices of absence, no loops.
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        if mail.unsubscribe:
            message["List-Unsubscribe"] = f"<{mail.unsubscribe}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
        # Short lines of ASCII, whatever the text: some servers break or drop others (RFC 5321 §4.5.3.1.6).
        message.set_content(text, cte="quoted-printable")
        html = f"{mail.template}.html"
        if writer.html.has_template(html):
            values = {"subject": subject, **writer.values(mail)}
            page = writer.html.get_template(html).render(values)
            message.add_alternative(page, subtype="html", cte="quoted-printable")
        if len(message.as_bytes()) > MAX_MESSAGE_BYTES:
            raise MailError(f"The mail from {mail.template} is bigger than {MAX_MESSAGE_BYTES} bytes.")
        return message

    def _text_of(self, mail: Mail, writer: "_Writer") -> tuple[str, str]:
        written = writer.text.render(f"{mail.template}.txt", writer.values(mail))
        first, _, rest = written.partition("\n")
        if not first.startswith(_SUBJECT) or not rest.startswith("\n"):
            # A value with a line break in the subject ends up here too.
            raise MailError(f"{mail.template}.txt begins with one line `{_SUBJECT}…` and an empty line.")
        subject = first.removeprefix(_SUBJECT).strip()
        check_header(subject, what=f"The subject of {mail.template}.txt")
        if not subject:
            raise MailError(f"{mail.template}.txt has an empty subject.")
        return subject, rest.removeprefix("\n")


class _Writer:
    """The templates in one language."""

    __slots__ = ("_messages", "html", "text")

    def __init__(self, folders: Sequence[Path], language: str, *, reloads: bool) -> None:
        messages = Catalogues(language, [folder / CATALOGUES for folder in folders])
        self._messages = messages
        self.text = PlainTextTemplates(folders, reloads=reloads, messages=messages)
        self.html = TemplateEnvironment(folders, reloads=reloads, messages=messages)

    def values(self, mail: Mail) -> dict[str, object]:
        """What the templates see, in this language."""
        return {name: translated(value, self._messages) for name, value in mail.context.items()}


def _address(address: str, name: str = "") -> Address:
    # The library quotes and encodes the name (RFC 2047, RFC 5322 §3.4).
    return Address(display_name=name, addr_spec=address)
