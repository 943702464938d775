"""What the policies and their guard refuse.

    FastnessError
    ├── UnscopedError           a statement reached a guarded table without its scope
    ├── ConfigError
    │   ├── PolicyError         a policy, or a scope asked of one, that cannot be right
    │   └── RowSecurityError    a policy that the database cannot enforce
    └── DeniedError
        ├── ForbiddenWriteError a flush that would add, change or delete what the actor may not
        └── TransitionRefusedError  a step of a workflow out of turn

The first three are mistakes of the app's author, and the detail names the fix; the other two may also be a visitor who asked
for what is not theirs, or for a step that somebody else has taken meanwhile. No detail holds a value of a row or a request.
"""

from fastness.kernel.errors import ConfigError, DeniedError, FastnessError
from fastness.kernel.texts import Text


class UnscopedError(FastnessError):
    """A statement on a guarded model carries no scope for it."""

    code = "unscoped"
    status = 500


class PolicyError(ConfigError):
    """A policy is declared, or asked for an action, in a way that cannot be right."""

    code = "policy"
    status = 500


class RowSecurityError(ConfigError):
    """A policy asks for row-level security and cannot be written as one condition in SQL."""

    code = "row_security"
    status = 500


class ForbiddenWriteError(DeniedError):
    """A guarded row was to be added, changed or deleted without the policy's consent."""

    code = "forbidden_write"
    status = 403


class TransitionRefusedError(DeniedError):
    """A step of a workflow was asked for that the object's state, or a condition of the step, does not allow."""

    code = "transition_refused"
    status = 409
    public: str = Text("This has changed in the meantime. Look at it again before you go on.")

    def __init__(self, reason: str, detail: str, public: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        if public:
            self.public = public
