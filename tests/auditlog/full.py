"""A process whose files may not grow: the kernel refuses its writes as a full disk does (EFBIG in place of ENOSPC).

Arguments: the address, and "table" or "everything" for what has no room. Prints what happened to each event as JSON.
"""

import asyncio
import json
import os
import resource
import signal
import sys

from fastness.auditlog.errors import AuditUnavailableError
from fastness.auditlog.opening import make_audit_log
from fastness.auditlog.rules import AuditRules
from fastness.kernel.clock import SystemClock
from fastness.kernel.events import EventName, SecurityEvent
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring

KEY = "kq4Zt8Vx1Lw6Rn3Bs9Yd2Hm7Jc5Pf0Ga-audit"
EVENTS = 30


async def main(url: str, what: str) -> None:
    # Without, the first write beyond the limit ends the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    clock = SystemClock()
    audit = make_audit_log(url, AuditRules(), Keyring(Secret(KEY)), clock)
    await audit.open()
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = os.stat(f"{url.removeprefix('sqlite:///')}-wal").st_size  # noqa: PTH116 - nothing else runs
    room = wal if what == "table" else 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, unlimited[1]))
    refused = 0
    for number in range(EVENTS):
        audit.add(SecurityEvent(name=EventName.AUTHN_LOGIN_FAIL, at=clock.now(), reason=f"{number}"))
        try:
            await audit.flush()
        except AuditUnavailableError:
            refused += 1
    told = {"refused": refused, "is_broken": audit.is_broken, "spooled": audit.spool.has_lines()}
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    audit.add(SecurityEvent(name=EventName.AUTHN_LOGIN_FAIL, at=clock.now(), reason="last"))
    await audit.flush()
    while audit.spool.has_lines():  # noqa: ASYNC110 - another task empties it
        await asyncio.sleep(0.01)
    sys.stdout.write(json.dumps({**told, "is_broken_after": audit.is_broken}))
    await audit.close()


asyncio.run(main(sys.argv[1], sys.argv[2]))
