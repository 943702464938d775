"""All rows of a ledger."""

from fastness.auditlog.ledger import BEFORE_ALL


async def every_row(ledger):
    rows = []
    after = BEFORE_ALL
    while page := await ledger.page(after, 1000):
        rows += page
        after = page[-1].number
    return rows
