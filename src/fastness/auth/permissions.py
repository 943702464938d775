"""The framework's own permissions: who may look after the people of an app and what they may do.

They are declared like an app's, and every app has them. Whoever holds `CHANGE_ROLES` or `GRANT_ROLES` still cannot give what they
do not hold themselves (`fastness.auth.escalation`).

ASVS 5.0: V8.1.1, V8.2.1.
"""

from fastness.authz.permissions import Permissions


class AccountPermissions(Permissions):
    """What may be done with accounts, roles and groups."""

    VIEW_USERS = "accounts.view_users", "May see who has an account, and what they may do."
    CREATE_USERS = "accounts.create_users", "May make accounts for others."
    CHANGE_USERS = "accounts.change_users", "May change, close and open the accounts of others."
    VIEW_ROLES = "accounts.view_roles", "May see roles and groups, and who is in them."
    CHANGE_ROLES = "accounts.change_roles", "May make, rename and delete roles, and say what each permits."
    CHANGE_GROUPS = "accounts.change_groups", "May make, rename and delete groups, and say who is in them."
    GRANT_ROLES = "accounts.grant_roles", "May give roles and permissions to others, and take them back."
