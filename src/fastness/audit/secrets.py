"""What looks like a secret: known prefixes, private keys, and texts too random to be words.

A prefix is certain: services choose them so that they are found. Randomness alone is not, so a text has to stand behind a
name that says what it is. Placeholders of documentation and tests ("changeme", "test-secret", your-key-here) are words.
Nothing that is found is ever shown.

ASVS 5.0: V13.3.1 (secrets are not kept in source code).
"""

import math
import re
from collections import Counter
from typing import Final

# Each service documents the form of its own.
_PREFIXES: Final = (
    ("an access key of AWS", r"(?:AKIA|ASIA)[A-Z0-9]{16}"),
    ("a token of GitHub", r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}"),
    ("a token of GitLab", r"glpat-[A-Za-z0-9_-]{20,}"),
    ("a token of Slack", r"xox[abprs]-[A-Za-z0-9-]{20,}"),
    ("a live key of Stripe", r"[sr]k_live_[A-Za-z0-9]{20,}"),
    ("a key of Google", r"AIza[A-Za-z0-9_-]{35}"),
    ("a token of npm", r"npm_[A-Za-z0-9]{36}"),
    ("a token of PyPI", r"pypi-[A-Za-z0-9_-]{60,}"),
    ("a key of SendGrid", r"SG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{30,}"),
    ("an API token of a Fastness app", r"fst_[0-9a-f]{32}_[0-9a-f]{40,}"),
    ("a private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s+[A-Za-z0-9+/=]{20,}"),
)
_KNOWN: Final = tuple((what, re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})")) for what, pattern in _PREFIXES)
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]+:([^/\s:@{}$<>%*]{6,})@")

NAME: Final = re.compile(
    r"(?:^|_|(?<=[a-z]))(?:secret|passw(?:or)?d|passphrase|pwd|token|api_?key|private_?key|secret_?key|access_?key|pepper|credential)s?"
    r"(?:$|_(?:key|value|text|hex)$)",
    re.IGNORECASE,
)
"""Names whose values are secrets; `token_url` and `password_field` are not among them."""

_PLACEHOLDER: Final = re.compile(
    r"[<>{}$% *]|example|changeme|change.me|dummy|placeholder|your|xxxx|\.\.\.|test|fake|sample", re.IGNORECASE
)
_MIN_LENGTH: Final = 16
_MIN_BITS: Final = 3.3
"""Bits for each character (Shannon): hexadecimal keys come to 3.5 and more, words and paths to less."""


def known_secret(text: str) -> str | None:
    """What a text holds, by its prefix, or None."""
    found = next((what for what, pattern in _KNOWN if pattern.search(text)), None)
    if found is None and (address := _ADDRESS.search(text)) and _is_chosen_at_random(address[1]):
        return "an address with its password"
    return found


def looks_random(text: str) -> bool:
    """Whether a text is too long and too mixed for a word, a path or a placeholder."""
    return len(text) >= _MIN_LENGTH and _is_chosen_at_random(text) and _bits(text) >= _MIN_BITS


def _is_chosen_at_random(text: str) -> bool:
    kinds = sum(re.search(kind, text) is not None for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    return kinds >= 2 and re.fullmatch(r"[\x21-\x7e]+", text) is not None and _PLACEHOLDER.search(text) is None


def _bits(text: str) -> float:
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
