"""API tokens."""

import sqlalchemy as sa
from alembic import op

revision = "fastness_0006"
down_revision = "fastness_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "fastness_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("permissions", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_fastness_tokens"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["fastness_users.id"], name="fk_fastness_tokens_user_id_fastness_users", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_fastness_tokens_user_id", "fastness_tokens", ["user_id"])


def downgrade() -> None:
    """Drop the table: every token ends."""
    op.drop_table("fastness_tokens")
