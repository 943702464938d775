"""What can go wrong with the audit log itself.

ASVS 5.0: V16.5.3 (fail secure).
"""

from typing import ClassVar

from fastness.kernel.errors import FastnessError, UnavailableError


class AuditUnavailableError(UnavailableError):
    """An event could be kept neither in the table nor in the spool file. It is in the log, and nothing is acknowledged."""

    code: ClassVar[str] = "audit_unavailable"

    def __init__(self, detail: str, *, is_damaged: bool = False) -> None:
        super().__init__(detail)
        self.is_damaged = is_damaged
        """Whether the table answers, and what was asked for cannot be read: its neighbours may be."""


class AuditDamagedError(FastnessError):
    """Rows that were to be removed for their age do not verify; they are kept as evidence."""

    code: ClassVar[str] = "audit_damaged"
    status: ClassVar[int] = 500
