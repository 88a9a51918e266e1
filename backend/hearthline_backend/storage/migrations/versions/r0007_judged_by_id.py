"""The register of judged readings holds one row for each reading there is: it is laid out by its id and nothing else.

In SQLite it becomes the tree of its own key, so that a row is written once, at the end of it; and nobody asks for the
index by patient.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"
branch_labels: Final = None
depends_on: Final = None

_INDEX: Final = "ix_judged_patient_id_effective_time"
_COLUMNS: Final = "reading_id, patient_id, kind, effective_time, judged_at, explanation"


def _rebuild(*, rowid: bool) -> None:
    op.create_table(
        "judged_as_it_will_be",
        sa.Column("reading_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("effective_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("explanation", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_judged_patient_id_patients"),
        sa.PrimaryKeyConstraint("reading_id", name="pk_judged"),
        sqlite_with_rowid=rowid,
    )
    op.execute(f"INSERT INTO judged_as_it_will_be ({_COLUMNS}) SELECT {_COLUMNS} FROM judged")  # noqa: S608
    op.drop_table("judged")
    op.rename_table("judged_as_it_will_be", "judged")


def upgrade() -> None:
    """Lay it out by id."""
    op.drop_index(_INDEX, table_name="judged")
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(rowid=False)


def downgrade() -> None:
    """As it was."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(rowid=True)
    op.create_index(_INDEX, "judged", ["patient_id", "effective_time"])
