"""Offices, who works there, and cases that are shared."""

import sqlalchemy as sa
from alembic import op

revision = "c0ffe8d1a7b2"
down_revision = "64afc9e602f4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "offices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offices")),
    )
    op.create_table(
        "members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "duty", sa.Enum("owner", "editor", "reader", name="duty", native_enum=False, length=10), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["office_id"], ["offices.id"], name=op.f("fk_members_office_id_offices"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["fastness_users.id"], name=op.f("fk_members_user_id_fastness_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("office_id", "user_id", name=op.f("uq_members_office_id")),
    )
    op.create_index(op.f("ix_members_user_id"), "members", ["user_id"])
    op.create_table(
        "shares",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("may_write", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_shares_case_id_cases"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["fastness_users.id"], name=op.f("fk_shares_user_id_fastness_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shares")),
        sa.UniqueConstraint("case_id", "user_id", name=op.f("uq_shares_case_id")),
    )
    op.create_index(op.f("ix_shares_user_id"), "shares", ["user_id"])
    op.add_column("cases", sa.Column("office_id", sa.Uuid(), nullable=True))
    move_cases_into_offices(op.get_bind())
    with op.batch_alter_table("cases") as cases:
        cases.alter_column("office_id", existing_type=sa.Uuid(), nullable=False)
        cases.create_foreign_key(op.f("fk_cases_office_id_offices"), "offices", ["office_id"], ["id"])
        cases.drop_constraint(op.f("uq_cases_year"), type_="unique")
        cases.create_unique_constraint(op.f("uq_cases_office_id"), ["office_id", "year", "number"])


def move_cases_into_offices(connection: sa.Connection) -> None:
    """Give everybody who has cases an office of their own with them in it."""
    uuid = sa.Uuid()
    cases = sa.table("cases", sa.column("owner_id", uuid), sa.column("office_id", uuid))
    offices = sa.table("offices", sa.column("id", uuid), sa.column("name"))
    names = ("id", "office_id", "user_id")
    members = sa.table("members", *(sa.column(name, uuid) for name in names), sa.column("duty"))
    for (owner_id,) in connection.execute(sa.select(cases.c.owner_id).distinct()).all():
        # The first office of an owner may have the owner's id: nothing else has it, and it is as hard to guess.
        connection.execute(offices.insert().values(id=owner_id, name="Our office"))
        connection.execute(members.insert().values(id=owner_id, office_id=owner_id, user_id=owner_id, duty="owner"))
        connection.execute(cases.update().where(cases.c.owner_id == owner_id).values(office_id=owner_id))


def downgrade() -> None:
    with op.batch_alter_table("cases") as cases:
        cases.drop_constraint(op.f("uq_cases_office_id"), type_="unique")
        cases.drop_constraint(op.f("fk_cases_office_id_offices"), type_="foreignkey")
        cases.drop_column("office_id")
    op.drop_table("shares")
    op.drop_table("members")
    op.drop_table("offices")
