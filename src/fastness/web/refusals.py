"""The answers of the gates that are not yes.

Every refusal is raised, not sent, and `web/errors.py` turns it into a page, a problem document or a closed socket and writes
its event: so no gate can forget to. The reason goes into the event and never to the visitor, who gets the text of the status
and a request id (ASVS 5.0 V16.5.1: generic message; V16.2.1: the event tells when, where, who, what).

    FastnessError
    └── RefusedError            status and event differ by class, reason by instance
        ├── MalformedRequestError   400
        ├── HostRefusedError        400
        ├── SignInRequiredError     401
        ├── TokenRefusedError       401
        ├── AccessRefusedError      403
        │   ├── SecondFactorRequiredError
        │   ├── FreshSignInRequiredError
        │   └── TokenNotAcceptedError
        ├── CrossSiteError          403
        ├── FormTokenError          403
        ├── NotFoundError           404
        ├── MethodRefusedError      405
        ├── BodyTimeoutError        408
        ├── BodyTooLargeError       413
        ├── HeadersTooLargeError    431
        ├── PlainHTTPError          426
        ├── RateLimitedError        429
        ├── PipelineFaultError      500
        └── UndeclaredProxyError    503
"""

from collections.abc import Mapping
from typing import ClassVar

from fastness.kernel.errors import FastnessError
from fastness.kernel.events import EventName
from fastness.kernel.texts import Text


class RefusedError(FastnessError):
    """A gate said no. `reason` is the decision's code, for the event; `headers` go on the answer."""

    code = "refused"
    status: ClassVar[int] = 400
    event: ClassVar[EventName | None] = EventName.INPUT_VALIDATION_FAIL

    def __init__(self, reason: str, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.headers = dict(headers or {})


class MalformedRequestError(RefusedError):
    """The request breaks a rule of HTTP that attackers live on."""

    code = "malformed_request"
    public: str = Text("This request could not be understood.")


class HostRefusedError(RefusedError):
    """The Host header names no host of this site."""

    code = "host_refused"
    event = EventName.HOST_FAIL
    public: str = Text("This address is not served here.")


class SignInRequiredError(RefusedError):
    """Nobody is signed in, and the route asks for somebody."""

    code = "sign_in_required"
    status = 401
    event = EventName.AUTHZ_FAIL
    public: str = Text("Sign in to see this page.")


class AccessRefusedError(RefusedError):
    """The signed-in person may not do this."""

    code = "access_refused"
    status = 403
    event = EventName.AUTHZ_FAIL
    public: str = Text("You may not do this.")


class SecondFactorRequiredError(AccessRefusedError):
    """The signed-in person may, once they have shown a second factor."""

    code = "second_factor_required"
    public: str = Text("This needs a second factor. Add one to your account, then sign in with it.")


class FreshSignInRequiredError(AccessRefusedError):
    """The signed-in person may, once they have shown again who they are."""

    code = "fresh_sign_in_required"
    public: str = Text("This needs a recent proof that it is you. Confirm your password, then try again.")

    def __init__(
        self,
        reason: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        fields: list[tuple[str, str]] | None = None,
    ) -> None:
        super().__init__(reason, detail, headers=headers)
        self.fields = fields
        """Of the form that was sent; nothing where there was none, or none that can be kept."""


class TokenNotAcceptedError(AccessRefusedError):
    """An API token came to a route that takes none."""

    code = "token_not_accepted"
    public: str = Text("This address takes no API tokens.")


class TokenRefusedError(RefusedError):
    """The API token of the request is not valid (any more)."""

    code = "token_refused"
    status = 401
    event = EventName.AUTHN_TOKEN_FAIL
    public: str = Text("This token is not valid. It may be mistyped, expired or revoked.")


class CrossSiteError(RefusedError):
    """An unsafe request that another site's page sent."""

    code = "cross_site"
    status = 403
    event = EventName.MALICIOUS_CORS
    public: str = Text("This request came from another site and was not carried out.")


class FormTokenError(RefusedError):
    """A form without this session's token."""

    code = "form_token"
    status = 403
    event = EventName.CSRF_FAIL
    public: str = Text("This form has expired. Nothing was changed.")


class NotFoundError(RefusedError):
    """No such page, or none that this person may know of. Raised by handlers too."""

    code = "not_found"
    status = 404
    event = None
    public: str = Text("There is no such page.")

    def __init__(self, reason: str = "no_route", detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason, detail, headers=headers)


class MethodRefusedError(RefusedError):
    """The method is unknown, or not one of the route's."""

    code = "method_refused"
    status = 405
    public: str = Text("This address does not answer that kind of request.")


class BodyTimeoutError(RefusedError):
    """The body came too slowly."""

    code = "body_timeout"
    status = 408
    event = EventName.EXCESS_RATE_LIMIT_EXCEEDED
    public: str = Text("The request took too long to arrive.")


class BodyTooLargeError(RefusedError):
    """More bytes arrived than the route takes."""

    code = "body_too_large"
    status = 413
    event = EventName.EXCESS_RATE_LIMIT_EXCEEDED
    public: str = Text("This is larger than the site accepts.")


class HeadersTooLargeError(RefusedError):
    """More headers than any browser sends."""

    code = "headers_too_large"
    status = 431
    event = EventName.EXCESS_RATE_LIMIT_EXCEEDED
    public: str = Text("The request's headers are too large.")


class PlainHTTPError(RefusedError):
    """An API call over plain HTTP: its secrets are already on the wire, so a redirect would hide the fault."""

    code = "plain_http"
    status = 426
    public: str = Text("Use https.")


class UndeclaredProxyError(RefusedError):
    """TLS ends at a proxy that the settings do not name."""

    code = "undeclared_proxy"
    status = 503
    event = EventName.PROXY_UNDECLARED
    public: str = Text("The site is not set up completely yet.")


class RateLimitedError(RefusedError):
    """Too many requests."""

    code = "rate_limited"
    status = 429
    event = EventName.EXCESS_RATE_LIMIT_EXCEEDED
    public: str = Text("Too many requests. Try again in a moment.")


class PipelineFaultError(RefusedError):
    """A gate did not run. The request is refused, because nobody checked what that gate checks."""

    code = "pipeline_fault"
    status = 500
    event = EventName.PIPELINE_FAULT
    public: str = Text("Something went wrong here.")
