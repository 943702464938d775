"""Fees, which are due until they are paid."""

import sqlalchemy as sa
from alembic import op

revision = "5fee0d1e7a34"
down_revision = "c0ffe8d1a7b2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fees",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Enum("due", "paid", name="stage", native_enum=False, length=10), nullable=False),
        sa.Column("charged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_to_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("cents BETWEEN 1 AND 1000000", name=op.f("ck_fees_amount")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_fees_case_id_cases"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["paid_to_id"], ["fastness_users.id"], name=op.f("fk_fees_paid_to_id_fastness_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fees")),
    )
    op.create_index(op.f("ix_fees_case_id"), "fees", ["case_id"])
    op.add_column("cases", sa.Column("charged_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("cases", "charged_at")
    op.drop_table("fees")
