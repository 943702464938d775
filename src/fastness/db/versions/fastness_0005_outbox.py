"""Mail that waits to be sent."""

import sqlalchemy as sa
from alembic import op

revision = "fastness_0005"
down_revision = "fastness_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "fastness_outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("is_settled", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_reason", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fastness_outbox"),
    )
    op.create_index("ix_fastness_outbox_due_at", "fastness_outbox", ["due_at"])


def downgrade() -> None:
    """Drop the table, with what was not sent."""
    op.drop_table("fastness_outbox")
