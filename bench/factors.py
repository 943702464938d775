"""The second factors of those who sign in during the rush, where the contender has any: an app's codes, else recovery codes.

The seed of the application writes them into a file beside its database. A code of the app is good once in thirty seconds; in
between a recovery code is used, for which its owner gets a mail.
"""

import hashlib
import hmac
import json
import time
from pathlib import Path

FILE_NAME = "factors.json"
STEP_SECONDS = 30
PAGE = "/account/second-factor"


class Factors:
    """What the people of one application have at hand."""

    def __init__(self, folder: Path) -> None:
        file = folder / FILE_NAME
        self._kept: dict[str, dict] = json.loads(file.read_text()) if file.exists() else {}
        self._last: dict[str, int] = {}

    def answer(self, username: str) -> tuple[str, dict[str, str]]:
        """Where to send which code."""
        kept = self._kept[username]
        step = int(time.time()) // STEP_SECONDS
        if step > self._last.get(username, -1):
            self._last[username] = step
            return PAGE, {"code": code_at(bytes.fromhex(kept["secret"]), step)}
        return f"{PAGE}/recovery", {"recovery": kept["codes"].pop()}


def code_at(secret: bytes, step: int) -> str:
    """The code of a step (RFC 6238)."""
    digest = hmac.digest(secret, step.to_bytes(8), hashlib.sha1)
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4]) & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"
