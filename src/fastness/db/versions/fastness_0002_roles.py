"""Roles, groups, and who holds what."""

import sqlalchemy as sa
from alembic import op

revision = "fastness_0002"
down_revision = "fastness_0001"
branch_labels = None
depends_on = None

_KEYS = {
    "user_id": "fastness_users",
    "role_id": "fastness_roles",
    "group_id": "fastness_groups",
}


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "fastness_roles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("label", sa.String(254), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fastness_roles"),
        sa.UniqueConstraint("name", name="uq_fastness_roles_name"),
    )
    op.create_table(
        "fastness_groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(254), nullable=False),
        sa.Column("name_key", sa.String(1016), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fastness_groups"),
        sa.UniqueConstraint("name_key", name="uq_fastness_groups_name_key"),
    )
    _create_pairs("fastness_role_permissions", "role_id", "permission")
    _create_pairs("fastness_user_permissions", "user_id", "permission")
    _create_pairs("fastness_user_roles", "user_id", "role_id")
    _create_pairs("fastness_group_roles", "group_id", "role_id")
    _create_pairs("fastness_group_members", "group_id", "user_id")


def downgrade() -> None:
    """Drop the tables, with all that was granted."""
    for name in ("group_members", "group_roles", "user_roles", "user_permissions", "role_permissions"):
        op.drop_table(f"fastness_{name}")
    op.drop_table("fastness_groups")
    op.drop_table("fastness_roles")


def _create_pairs(table: str, first: str, second: str) -> None:
    """Make a table of two columns, each pair once, found by either; it loses what it points to."""
    pointers = [name for name in (first, second) if name in _KEYS]
    op.create_table(
        table,
        *(sa.Column(name, sa.Uuid() if name in _KEYS else sa.String(100), nullable=False) for name in (first, second)),
        sa.PrimaryKeyConstraint(first, second, name=f"pk_{table}"),
        *(
            sa.ForeignKeyConstraint(
                [name], [f"{_KEYS[name]}.id"], name=f"fk_{table}_{name}_{_KEYS[name]}", ondelete="CASCADE"
            )
            for name in pointers
        ),
    )
    if second in _KEYS:
        op.create_index(f"ix_{table}_{second}", table, [second])
