"""One-time links, and mail addresses that were confirmed."""

import sqlalchemy as sa
from alembic import op

revision = "fastness_0004"
down_revision = "fastness_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and the columns by which an address is found."""
    op.create_table(
        "fastness_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.LargeBinary(32), nullable=False),
        sa.Column("data", sa.String(254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fastness_links"),
        sa.UniqueConstraint("token_hash", name="uq_fastness_links_token_hash"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["fastness_users.id"], name="fk_fastness_links_user_id_fastness_users", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_fastness_links_user_id", "fastness_links", ["user_id"])
    op.create_index("ix_fastness_links_expires_at", "fastness_links", ["expires_at"])
    op.add_column("fastness_users", sa.Column("email_key", sa.String(254), nullable=False, server_default=""))
    op.add_column("fastness_users", sa.Column("confirmed_email_key", sa.String(254), nullable=True))
    op.create_index("ix_fastness_users_email_key", "fastness_users", ["email_key"])
    op.create_index("ix_fastness_users_confirmed_email_key", "fastness_users", ["confirmed_email_key"], unique=True)
    op.execute(sa.text("UPDATE fastness_users SET email_key = lower(email)"))


def downgrade() -> None:
    """Drop what was created, with the links that were not used."""
    op.drop_index("ix_fastness_users_confirmed_email_key", "fastness_users")
    op.drop_index("ix_fastness_users_email_key", "fastness_users")
    op.drop_column("fastness_users", "confirmed_email_key")
    op.drop_column("fastness_users", "email_key")
    op.drop_table("fastness_links")
