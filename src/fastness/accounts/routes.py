"""All pages of accounts; an app with people in it has them. A subject's pages are a file with a `Routes` of its own."""

from typing import Final

from fastness.accounts.confirming import confirm_routes
from fastness.accounts.devices import device_routes
from fastness.accounts.mail_address import address_routes
from fastness.accounts.own_data import data_routes
from fastness.accounts.pages import account_routes
from fastness.accounts.password import password_routes
from fastness.accounts.resetting import reset_routes
from fastness.accounts.second_factor import factor_routes
from fastness.accounts.security import security_routes
from fastness.accounts.signing_up import sign_up_routes
from fastness.accounts.tokens import token_routes
from fastness.web.routing import Routes

ACCOUNT_ROUTES: Final[tuple[Routes, ...]] = (
    account_routes,
    password_routes,
    factor_routes,
    security_routes,
    reset_routes,
    address_routes,
    data_routes,
    sign_up_routes,
    confirm_routes,
    device_routes,
    token_routes,
)
