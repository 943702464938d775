"""Second factors: passkeys, one-time passwords, recovery codes."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "fastness_0003"
down_revision = "fastness_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "fastness_totp",
        *_owned("fastness_totp"),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("user_id", name="uq_fastness_totp_user_id"),
    )
    op.create_table(
        "fastness_passkeys",
        *_owned("fastness_passkeys"),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("credential_id", sa.String(1400), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", sa.String(128), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("credential_id", name="uq_fastness_passkeys_credential_id"),
    )
    op.create_index("ix_fastness_passkeys_user_id", "fastness_passkeys", ["user_id"])
    op.create_table(
        "fastness_recovery_codes",
        *_owned("fastness_recovery_codes"),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.UniqueConstraint("user_id", "code_hash", name="uq_fastness_recovery_codes_user_id"),
    )


def downgrade() -> None:
    """Drop the tables, with all factors."""
    for name in ("recovery_codes", "passkeys", "totp"):
        op.drop_table(f"fastness_{name}")


def _owned(table: str) -> tuple[sa.Column[Any] | sa.Constraint, ...]:
    """Make the columns of something that goes with its user."""
    return (
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["fastness_users.id"], name=f"fk_{table}_user_id_fastness_users", ondelete="CASCADE"
        ),
    )
