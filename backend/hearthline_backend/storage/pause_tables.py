"""The tables of Records about time for which nothing can be missing: patients' pauses, and when a hop behind every home
was away.

Rows only grow: the end of a pause is written once, and a hop's row grows for as long as it is away.
"""

from sqlalchemy import Column, Index, String, Table, UniqueConstraint

from hearthline_backend.storage.columns import metadata, moment, number_id, to

pauses = Table(
    "pauses",
    metadata,
    number_id(),
    to("patient_id", "patients.id"),
    Column("kind", String(20), nullable=False),  # away, hospital, other
    Column("note", String(200)),
    moment("begins_at"),
    moment("until"),
    moment("made_at"),
    to("made_by", "users.id", null=True),
    moment("ended_at", null=True),  # before its time
    to("ended_by", "users.id", null=True),
    Index("ix_pauses_patient_id_until", "patient_id", "until"),
)

hop_absences = Table(
    "hop_absences",
    metadata,
    number_id(),
    Column("hop", String(20), nullable=False),  # broker, backend
    moment("since"),
    moment("until"),  # when it was last seen to be away
    moment("told_at", null=True),  # when technicians were told
    UniqueConstraint("hop", "since"),
    Index("ix_hop_absences_until", "until"),
)
