"""Mail that waits to be sent."""

revision = "fastness_0005"
down_revision = "fastness_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""


def downgrade() -> None:
    """Drop the tables."""
