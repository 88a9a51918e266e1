"""What people changed about readings afterwards, and how it stood before: nothing is overwritten without a trace."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"
branch_labels: Final = None
depends_on: Final = None

_TIME: Final = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add it."""
    op.create_table(
        "corrections",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("reading_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=True),
        sa.Column("what", sa.String(length=30), nullable=False),
        sa.Column("patient_before", sa.Uuid(), nullable=True),
        sa.Column("patient_after", sa.Uuid(), nullable=True),
        sa.Column("effective_before", _TIME, nullable=True),
        sa.Column("effective_after", _TIME, nullable=True),
        sa.Column("aside_before", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("aside_after", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("judgement", sa.JSON(), nullable=True),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["by"], ["users.id"], name="fk_corrections_by_users"),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
    )
    op.create_index("ix_corrections_reading_id", "corrections", ["reading_id"])
    op.create_index("ix_corrections_patient_before", "corrections", ["patient_before"])
    op.create_index("ix_corrections_patient_after", "corrections", ["patient_after"])
    op.create_index("ix_corrections_finished_at", "corrections", ["finished_at"])


def downgrade() -> None:
    """Take it away."""
    op.drop_index("ix_corrections_finished_at", table_name="corrections")
    op.drop_index("ix_corrections_patient_after", table_name="corrections")
    op.drop_index("ix_corrections_patient_before", table_name="corrections")
    op.drop_index("ix_corrections_reading_id", table_name="corrections")
    op.drop_table("corrections")
