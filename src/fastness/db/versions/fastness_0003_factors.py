"""Second factors: passkeys, one-time passwords, recovery codes."""

revision = "fastness_0003"
down_revision = "fastness_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""


def downgrade() -> None:
    """Drop the tables."""
