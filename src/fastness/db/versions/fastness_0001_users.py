"""The users table."""

import sqlalchemy as sa
from alembic import op

revision = "fastness_0001"
down_revision = None
branch_labels = ("fastness",)
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "fastness_users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.String(254), nullable=False),
        sa.Column("username_key", sa.String(1016), nullable=False),
        sa.Column("display_name", sa.String(254), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("password_hash", sa.String(512), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_staff", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fastness_users"),
        sa.UniqueConstraint("username_key", name="uq_fastness_users_username_key"),
    )


def downgrade() -> None:
    """Drop the table, with everybody in it."""
    op.drop_table("fastness_users")
