"""The log of a server process: one file of JSON lines."""

import logging
from pathlib import Path
from typing import Final

from fastness.kernel.logs import JSONFormatter

LOG: Final = Path("log.jsonl")


def write_log() -> None:
    handler = logging.FileHandler(LOG)
    handler.setFormatter(JSONFormatter())
    logger = logging.getLogger("fastness")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False
