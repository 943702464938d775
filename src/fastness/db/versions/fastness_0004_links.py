"""One-time links."""

revision = "fastness_0004"
down_revision = "fastness_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""


def downgrade() -> None:
    """Drop the tables."""
