"""What code gets that did what the settings stop."""

from fastness.kernel.errors import FastnessError


class TripwireError(FastnessError):
    """The process does not do this while it serves; the request ends with the general error page, its transaction undone."""

    code = "tripwire"
    status = 500
