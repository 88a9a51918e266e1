"""The history of pauses, when the broker or the stores were away, and how to find reds that nobody has.

Who is on pause at this moment keeps that pause. When it began was not kept: since their enrolment, as it counted so
far.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0013"
down_revision: Final = "0012"
branch_labels: Final = None
depends_on: Final = None

_TIME: Final = sa.DateTime(timezone=True)
_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UNOWNED: Final = sa.text("level = 'red' AND state = 'open'")
_CARRY: Final = """
INSERT INTO pauses (patient_id, kind, note, begins_at, until, made_at)
SELECT id, 'other', pause_reason, enrolled_at, paused_until, enrolled_at FROM patients WHERE paused_until IS NOT NULL
"""


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "pauses",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("begins_at", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_pauses_patient_id_patients"),
        sa.ForeignKeyConstraint(["made_by"], ["users.id"], name="fk_pauses_made_by_users"),
        sa.ForeignKeyConstraint(["ended_by"], ["users.id"], name="fk_pauses_ended_by_users"),
        sa.PrimaryKeyConstraint("id", name="pk_pauses"),
    )
    op.create_index("ix_pauses_patient_id_until", "pauses", ["patient_id", "until"])
    op.execute(_CARRY)
    op.create_table(
        "hop_absences",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("hop", sa.String(length=20), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("told_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_hop_absences"),
        sa.UniqueConstraint("hop", "since", name="uq_hop_absences_hop_since"),
    )
    op.create_index("ix_hop_absences_until", "hop_absences", ["until"])
    op.create_index("ix_alerts_unowned_red", "alerts", ["opened_at"], postgresql_where=_UNOWNED, sqlite_where=_UNOWNED)


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_alerts_unowned_red", table_name="alerts")
    op.drop_index("ix_hop_absences_until", table_name="hop_absences")
    op.drop_table("hop_absences")
    op.drop_index("ix_pauses_patient_id_until", table_name="pauses")
    op.drop_table("pauses")
