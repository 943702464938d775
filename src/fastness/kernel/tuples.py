"""The trap of the missing comma: `("example.com")` is a text, and a loop over it sees letters.

Rules that take a tuple of texts call `refuse_bare_text` first, so that the mistake is named instead of read as twelve
hosts of one letter. It protects the developer, not against an attacker.
"""

from fastness.kernel.errors import ConfigError


def refuse_bare_text(setting: str, value: object) -> None:
    """Raise `ConfigError` if a setting that takes a tuple was given one text."""
    if isinstance(value, str | bytes):
        raise ConfigError(f'{setting} is a tuple: write ("…",), with the comma, even for one.')
