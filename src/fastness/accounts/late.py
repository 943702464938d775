"""The services of second factors, loaded when a page asks for them: an app's start does not wait for their libraries."""

from importlib import import_module
from typing import TYPE_CHECKING

from fastness.web.requests import Request

if TYPE_CHECKING:
    from fastness.auth.factors import Factors
    from fastness.auth.signing_in import SigningIn


def factors_of(request: Request) -> "Factors":
    """Changes and checks second factors."""
    kind: type[Factors] = import_module("fastness.auth.factors").Factors
    return request.site.service(kind)


def signing_in_of(request: Request) -> "SigningIn":
    """Keeps what is pending after the password."""
    kind: type[SigningIn] = import_module("fastness.auth.signing_in").SigningIn
    return request.site.service(kind)
