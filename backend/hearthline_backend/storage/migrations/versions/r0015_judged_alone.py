"""A row of the register of judged readings no longer has the database look for its patient.

One row is written for each reading there is, and a patient is never deleted from Records: whoever judges has found the
patient in the same transaction, and with PostgreSQL locked it.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0015"
down_revision: Final = "0014"
branch_labels: Final = None
depends_on: Final = None

_KEY: Final = "fk_judged_patient_id_patients"
_COLUMNS: Final = "reading_id, patient_id, kind, effective_time, judged_at, explanation"


def _rebuild(*constraints: sa.ForeignKeyConstraint) -> None:
    op.create_table(
        "judged_as_it_will_be",
        sa.Column("reading_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("effective_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("explanation", sa.JSON(), nullable=False),
        *constraints,
        sa.PrimaryKeyConstraint("reading_id", name="pk_judged"),
        sqlite_with_rowid=False,
    )
    op.execute(f"INSERT INTO judged_as_it_will_be ({_COLUMNS}) SELECT {_COLUMNS} FROM judged")  # noqa: S608
    op.drop_table("judged")
    op.rename_table("judged_as_it_will_be", "judged")


def upgrade() -> None:
    """Let go of the key."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        op.drop_constraint(_KEY, "judged", type_="foreignkey")


def downgrade() -> None:
    """As it was."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=_KEY))
    else:
        op.create_foreign_key(_KEY, "judged", "patients", ["patient_id"], ["id"])
