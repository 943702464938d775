"""Answers of requests that are named by a key."""

import sqlalchemy as sa
from alembic import op

revision = "fastness_0007"
down_revision = "fastness_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "fastness_answers",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fastness_answers"),
    )
    op.create_index("ix_fastness_answers_created_at", "fastness_answers", ["created_at"])


def downgrade() -> None:
    """Drop the table: a request that is sent again is carried out again."""
    op.drop_table("fastness_answers")
