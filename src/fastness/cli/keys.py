"""`keys`: a new secret key without signing anybody out.

Sessions do not hang on the key (their ids are random and looked up); form tokens, links and cookies with a signature do.
After a rotation the old key still verifies and no longer signs, until it is retired. The new key goes into `.env`, written
as a whole and for its owner only; where the key comes from somewhere else, the command says what to do there and changes
nothing. A key is printed only when a new one is asked for.

ASVS 5.0: V13.3.4 (secrets rotate), V11.5.1 (CSPRNG), V13.3.2.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from fastness.cli.errors import CommandError
from fastness.cli.terminal import say
from fastness.kernel.clock import SystemClock
from fastness.kernel.keydates import dated_key
from fastness.kernel.tokens import random_token
from fastness.settings.envfile import create_env_file, read_lines, update_env_file
from fastness.settings.sources import ENV_FILE, read_sources

KEY = "FASTNESS_SECRET_KEY"
PREVIOUS = "FASTNESS_PREVIOUS_SECRET_KEYS"
KEY_BYTES = 48
MAX_PREVIOUS = 2
"""Older ones fall out at a rotation: a key that is never retired would be believed for ever."""

ELSEWHERE = f"""{KEY} does not come from {ENV_FILE} in this folder, so nothing was changed. Where it is kept:
  1. put the present value of {KEY} in front of the list in {PREVIOUS} (values separated by commas)
  2. set {KEY} to what `fastness keys new` prints
  3. restart the app
  4. later, when no link signed with the old key is in use, empty {PREVIOUS}"""


def make_key() -> str:
    """A new key: the day, by which its age is known, and 64 characters that hold 384 random bits."""
    return dated_key(random_token(KEY_BYTES), SystemClock().now().date())


def rotate() -> None:
    """Make a new key in `.env` and keep the present one among the previous."""
    file = Path.cwd() / ENV_FILE
    values = _own_values(file)
    current = values[KEY]
    if "," in current:
        raise CommandError(f"{KEY} has a comma in it, which separates the keys of {PREVIOUS}; replace it by hand.")
    kept = [current, *(key.strip() for key in values.get(PREVIOUS, "").split(",") if key.strip())][:MAX_PREVIOUS]
    update_env_file(file, {KEY: make_key(), PREVIOUS: ",".join(kept)})
    say(f"{ENV_FILE} has a new key; what the old one signed is still believed. Restart the app to use it.")
    say("Run `fastness keys retire` when no link signed with the old key is in use.")


def retire() -> None:
    """Drop the previous keys from `.env`."""
    file = Path.cwd() / ENV_FILE
    if not _own_values(file).get(PREVIOUS):
        say("There are no previous keys.")
        return
    update_env_file(file, {PREVIOUS: None})
    say("The previous keys are gone. Restart the app to forget them.")


def ensure_key(folder: Path) -> bool:
    """Put a new key into `.env` if there is none anywhere; return whether that was so."""
    if KEY in read_sources(os.environ, folder).texts:
        return False
    file = folder / ENV_FILE
    if file.exists():
        update_env_file(file, {KEY: make_key()})
    else:
        create_env_file(file, {KEY: make_key()})
    return True


def _own_values(file: Path) -> Mapping[str, str]:
    """The keys of the file, if those are the ones in force."""
    if not file.exists():
        raise CommandError(ELSEWHERE)
    lines = read_lines(file.read_text(encoding="utf-8-sig"))
    values = {line.name: line.value for line in lines if line.name in {KEY, PREVIOUS} and line.value}
    in_force = read_sources(os.environ, file.parent).texts
    if not values.get(KEY) or any(in_force.get(name) != values.get(name) for name in (KEY, PREVIOUS)):
        # The environment or a secrets folder wins: a rotation of the file would change nothing but look like one.
        raise CommandError(ELSEWHERE)
    return {name: value for name, value in values.items() if name and value}
