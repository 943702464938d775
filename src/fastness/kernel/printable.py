"""Texts whose every character can be seen.

Names, paths and reasons come from authors, file systems and answers of servers. An escape sequence in one acts on a terminal,
a mark that turns the direction of writing makes a report say something else than it does (CVE-2021-42574), and XML 1.0 has no
way to write most control characters. ASVS 5.0: V16.4.1.
"""


def printable(text: str) -> str:
    """Return the text with everything that is not seen as itself shown by its number."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)
