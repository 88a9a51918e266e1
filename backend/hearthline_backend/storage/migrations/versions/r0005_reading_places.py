"""Where each reading stands in a store of readings that cannot look one up by its id itself."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"
branch_labels: Final = None
depends_on: Final = None

_INDEXES: Final = (
    ("ux_reading_places_standing", "reading_id", True, "state = 0"),
    ("ix_reading_places_moved", "patient_id", False, "state <> 0"),
    ("ix_reading_places_moving", "reading_id", False, "state <> 0"),
)
"""Name, column, whether it is unique, and which rows it holds."""


def upgrade() -> None:
    """Add it."""
    op.create_table(
        "reading_places",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("reading_id", sa.Uuid(), nullable=False),
        sa.Column("aside", sa.Boolean(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("claim", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", "time_us", "kind", "slot", name="pk_reading_places"),
        sqlite_with_rowid=False,
    )
    for name, column, unique, condition in _INDEXES:
        some: dict[str, Any] = {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}
        op.create_index(name, "reading_places", [column], unique=unique, **some)
    op.create_table(
        "reading_bucket",
        sa.Column("bucket_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("bucket_id", name="pk_reading_bucket"),
    )
    op.create_table(
        "reading_claims",
        sa.Column("claim", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("claim", name="pk_reading_claims"),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("reading_claims")
    op.drop_table("reading_bucket")
    op.drop_table("reading_places")
