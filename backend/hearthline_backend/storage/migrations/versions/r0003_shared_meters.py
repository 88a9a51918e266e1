"""Meters that several people share, and a person's word on whose a reading is."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None

_TIME: Final = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add them."""
    op.add_column("assignments", sa.Column("shared", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "claims",
        sa.Column("reading_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("claimed_by", sa.Uuid(), nullable=True),
        sa.Column("claimed_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["claimed_by"], ["users.id"], name="fk_claims_claimed_by_users"),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_claims_patient_id_patients"),
        sa.PrimaryKeyConstraint("reading_id", name="pk_claims"),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("claims")
    op.drop_column("assignments", "shared")
