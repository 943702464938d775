"""API tokens."""

revision = "fastness_0006"
down_revision = "fastness_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""


def downgrade() -> None:
    """Drop the tables."""
