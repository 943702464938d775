import pytest

from fastness.auditlog.opening import make_ledger
from fastness.kernel.clock import ManualClock
from fastness.kernel.secret import Secret
from fastness.kernel.signing import Keyring

KEY = "kq4Zt8Vx1Lw6Rn3Bs9Yd2Hm7Jc5Pf0Ga-audit"


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def keyring():
    return Keyring(Secret(KEY))


@pytest.fixture(params=["sqlite", "postgresql"])
def audit_url(request, tmp_path):
    """The address of an audit log of either kind, empty."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/audit.sqlite3"


@pytest.fixture
async def ledger(audit_url, keyring, clock):
    ledger = make_ledger(audit_url, keyring, clock)
    await ledger.open()
    yield ledger
    await ledger.close()
