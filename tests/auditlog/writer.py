"""A process that writes events and says which are acknowledged; its tests end it at any moment.

Arguments: the address, a name, how many events, and how many are written at once. Tells "ready", begins with a line on
standard input, and prints the number of each event after its flush has returned.
"""

import asyncio
import sys

from fastness.auditlog.opening import make_audit_log
from fastness.auditlog.rules import AuditRules
from fastness.kernel.clock import SystemClock
from fastness.kernel.events import EventName, SecurityEvent
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring

KEY = "kq4Zt8Vx1Lw6Rn3Bs9Yd2Hm7Jc5Pf0Ga-audit"


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(url: str, name: str, count: int, width: int) -> None:
    clock = SystemClock()
    audit = make_audit_log(url, AuditRules(), Keyring(Secret(KEY)), clock)
    await audit.open()
    tell("ready")
    await asyncio.to_thread(sys.stdin.readline)

    async def write(lane: int) -> None:
        for number in range(lane, count, width):
            event = SecurityEvent(
                name=EventName.AUTHN_LOGIN_FAIL, at=clock.now(), reason=f"{name}-{number}", request_id=f"r{lane}"
            )
            audit.add(event)
            await audit.flush(audit.mark_of(f"r{lane}"))
            tell(event.reason)

    await asyncio.gather(*(write(lane) for lane in range(width)))
    await audit.close()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
