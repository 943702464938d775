"""The catalogues of messages: collects what has to be translated, and compiles what is. `python -m scripts.catalogues`

Of each part with pages or mails the messages of its templates (between `{% trans %}` and `{% endtrans %}`) and of the code that
says something in them (`Text("…")`) go into `locale/<language>/LC_MESSAGES/messages.po`, which translators edit; beside it lies
the file that `gettext` reads. A message that is new has an empty translation, one that is gone is dropped; with `--check` nothing
is written, and the answer is whether all is as it should be.

For an app of your own: `python scripts/catalogues.py path/to/templates de path/to/code.py …`; Babel writes the same files.
"""

from __future__ import annotations

import ast
import struct
import sys
from pathlib import Path

from fastness.html.translating import messages_in

ROOT = Path(__file__).resolve().parent.parent / "src" / "fastness"
PARTS = {
    ROOT / "accounts" / "templates": (ROOT / "accounts", ROOT / "auth"),
    ROOT / "web" / "templates": tuple(ROOT / part for part in ("web", "outbound", "authz", "stores", "db", "kernel")),
    ROOT / "mail" / "templates": (ROOT / "mail", ROOT / "auth" / "password_links.py"),
}
LANGUAGES = ("de",)
_MARKS = frozenset({"Text", "texts.Text"})
HEAD = "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=2; plural=(n != 1);\\nLanguage: {language}\\n"

Message = tuple[str, str]
"""The text and its plural, which may be empty."""


def main() -> int:
    """Write the catalogues, or with `--check` say whether they are as they would be written."""
    arguments = [each for each in sys.argv[1:] if each != "--check"]
    parts = {Path(arguments[0]): tuple(map(Path, arguments[2:]))} if arguments else PARTS
    languages = (arguments[1],) if arguments else LANGUAGES
    wrong = [
        str(path)
        for templates, sources in parts.items()
        for language in languages
        for path, content in catalogue(templates, sources, language).items()
        if not path.exists() or path.read_bytes() != content
    ]
    if "--check" not in sys.argv:
        for templates, sources in parts.items():
            for language in languages:
                for path, content in catalogue(templates, sources, language).items():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
        return 0
    print("\n".join(wrong))
    return 1 if wrong else 0


def catalogue(templates: Path, sources: tuple[Path, ...], language: str) -> dict[Path, bytes]:
    """The two files of a catalogue."""
    folder = templates / "locale" / language / "LC_MESSAGES"
    po = folder / "messages.po"
    known = read_po(po.read_text(encoding="utf-8")) if po.exists() else {}
    wanted = {message: known.get(message, ("",) * (2 if message[1] else 1)) for message in collect(templates, sources)}
    return {po: po_text(wanted, language).encode(), folder / "messages.mo": mo_bytes(wanted, language)}


def collect(templates: Path, sources: tuple[Path, ...]) -> list[Message]:
    """All messages, each once, in the order of files."""
    found: dict[Message, None] = {}
    for path in sorted(each for each in templates.rglob("*") if each.suffix in {".html", ".txt"}):
        found.update(((message, ""), None) for message in messages_in(path.read_text(encoding="utf-8")))
    for source in sources:
        for path in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            found.update((message, None) for message in messages_of(path.read_text(encoding="utf-8")))
    return list(found)


def messages_of(code: str) -> list[Message]:
    """The messages of calls `Text("…")` and `texts.Text("…")`."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _MARKS:
            texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            if texts:
                found.append((texts[0], texts[1] if len(texts) > 1 else ""))
    return found


def read_po(text: str) -> dict[Message, tuple[str, ...]]:
    """The translations of a file that `po_text` wrote, and somebody edited."""
    found: dict[Message, tuple[str, ...]] = {}
    for block in text.split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line.startswith('"'):
                fields[name] += ast.literal_eval(line)
            elif line and not line.startswith("#"):
                name, _, value = line.partition(" ")
                fields[name] = ast.literal_eval(value)
        if fields.get("msgid"):
            plural = fields.get("msgid_plural", "")
            names = ("msgstr[0]", "msgstr[1]") if plural else ("msgstr",)
            found[fields["msgid"], plural] = tuple(fields.get(each, "") for each in names)
    return found


def po_text(messages: dict[Message, tuple[str, ...]], language: str) -> str:
    """The catalogue for people."""
    head = "".join(f'"{line}\\n"\n' for line in HEAD.format(language=language).split("\\n") if line)
    blocks = [f'msgid ""\nmsgstr ""\n{head}']
    for (message, plural), translations in messages.items():
        lines = [f"msgid {quoted(message)}"]
        if plural:
            lines.append(f"msgid_plural {quoted(plural)}")
            lines += [f"msgstr[{number}] {quoted(text)}" for number, text in enumerate(translations)]
        else:
            lines.append(f"msgstr {quoted(translations[0])}")
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def quoted(text: str) -> str:
    """A text as it stands in a catalogue."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mo_bytes(messages: dict[Message, tuple[str, ...]], language: str) -> bytes:
    """The catalogue for `gettext`: two tables of lengths and offsets, then the texts (GNU gettext manual, §10.3)."""
    pairs = [("", HEAD.format(language=language).replace("\\n", "\n"))]
    pairs += [
        (f"{message}\0{plural}" if plural else message, "\0".join(translations))
        for (message, plural), translations in messages.items()
        if all(translations)
    ]
    encoded = sorted((key.encode(), text.encode()) for key, text in pairs)
    start = 28 + 16 * len(encoded)
    tables: list[bytes] = []
    data = b""
    for column in (0, 1):
        for pair in encoded:
            tables.append(struct.pack("<II", len(pair[column]), start + len(data)))
            data += pair[column] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(encoded), 28, 28 + 8 * len(encoded), 0, 0)
    return head + b"".join(tables) + data


if __name__ == "__main__":
    sys.exit(main())
