"""Whether nobody gets into an account with its password alone: the rule for who is not signed in at the moment.

ASVS 5.0: V6.2.1 (the shorter password is for whoever has a second factor), V6.3.3.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from fastness.auth.factor_rules import SecondFactorRules
from fastness.auth.factor_types import is_enforced
from fastness.auth.factorrows import has_factor
from fastness.auth.holdings import load_holdings
from fastness.auth.identities import identity_of
from fastness.auth.users import User


async def needs_factor(db: AsyncSession, rules: SecondFactorRules, user: User) -> bool:
    """Whether this user has a second factor, or has to set one up before they are signed in."""
    if await has_factor(db, user.id):
        return True
    identity = identity_of(user, await load_holdings(db, user.id), epoch=0, authenticated_at=0.0)
    return is_enforced(rules, identity)
