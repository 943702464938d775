"""Keys that must not sign anything: short, monotonous, or printed in somebody's documentation.

A key that an attacker can look up is no key: he signs his own session. Such keys reach production because a default, an
example or a tutorial's line was left in place. The list below is our own collection of widely published defaults; it is
short on purpose, since the length and variety rules refuse most of them already, and the prefixes catch families. It
cannot know the key in the example that was copied yesterday, so the fix in every message is to generate one.

ASVS 5.0: V11.5.1 (what must not be guessed comes from a CSPRNG), V13.2.3 (no default credentials).
"""

from typing import Final

from fastness.kernel.errors import ConfigError

MIN_KEY_LENGTH: Final = 32
MIN_DISTINCT_CHARACTERS: Final = 10
"""32 random hexadecimal digits have fewer than 10 different ones once in about 10 000 keys, 64 practically never."""

PUBLIC_PREFIXES: Final = (
    "django-insecure-",
    "fastness-insecure-",
    "base64:changeme",
    "change-me",
    "change_me",
    "changeme",
    "change-this",
    "change_this",
    "changethis",
    "replace-me",
    "replace_me",
    "replaceme",
    "replace-this",
    "replace_this",
    "your-secret",
    "your_secret",
    "yoursecret",
    "your-super-secret",
    "your_super_secret",
    "your-256-bit-secret",
    "insert-secret",
    "insert_secret",
    "please-change",
    "please_change",
    "insecure",
    "not-secret",
    "not_secret",
    "notsecret",
    "not-so-secret",
    "default-secret",
    "default_secret",
    "dummy-",
    "dummy_",
    "example",
    "placeholder",
    "super-secret",
    "super_secret",
    "supersecret",
    "secret-key",
    "secret_key",
    "secretkey",
    "my-secret",
    "my_secret",
    "mysecret",
    "this-is-a-secret",
    "this is a secret",
    "this_is_a_secret",
    "thisisasecret",
    "test-secret",
    "test_secret",
    "testsecret",
    "dev-secret",
    "dev_secret",
    "development key",
    "some-secret",
    "some_secret",
    "somesecret",
    "top-secret",
    "top_secret",
    "topsecret",
    "todo-",
    "todo_",
    "todo:",
    "todo ",
    "<",
    "${",
    "{{",
)
"""Beginnings of placeholders, in lower case; compared with the lower-cased key without quotes and spaces around it."""

PUBLIC_KEYS: Final = (
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "abcdefghijklmnopqrstuvwxyz123456",
    "abcdefghijklmnopqrstuvwxyz012345",
    "00112233445566778899aabbccddeeff",
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "qwertyuiopasdfghjklzxcvbnm123456",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
    "5f4dcc3b5aa765d61d8327deb882cf99",
    "d41d8cd98f00b204e9800998ecf8427e",
    "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
)
"""Whole keys, in lower case: from tutorials, or digests of nothing, of "password", "secret" and "test"."""

_FIX: Final = "Generate one with `fastness keys new`."


def refuse_weak_key(text: str) -> None:
    """Raise `ConfigError` when the key is short, monotonous or publicly known; the message never shows the key."""
    folded = text.strip(" \t\r\n\"'").lower()
    if len(folded) < MIN_KEY_LENGTH:
        raise ConfigError(f"A secret key has at least {MIN_KEY_LENGTH} characters. {_FIX}")
    if folded.startswith(PUBLIC_PREFIXES) or folded in PUBLIC_KEYS:
        raise ConfigError(f"This secret key is publicly known or a placeholder. {_FIX}")
    if len(set(folded)) < MIN_DISTINCT_CHARACTERS or _repeats(folded):
        raise ConfigError(f"This secret key repeats itself and can be guessed. {_FIX}")


def _repeats(text: str) -> bool:
    # A text is a repetition of a shorter one exactly when it occurs inside its own double before the end. "Shorter"
    # here means a half or less, which is what a repetition is: 16 random characters twice are 16 random characters.
    return (text + text).find(text, 1) < len(text)
