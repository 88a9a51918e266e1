"""The tables of Records about who is called: rotas, holidays, stand-ins, trial calls, keys that links are signed with.

What was agreed is never rewritten: a rota has versions, and a holiday or stand-in is marked as taken back.
"""

from sqlalchemy import JSON, Column, Index, Integer, String, Table, UniqueConstraint

from hearthline_backend.storage.columns import metadata, moment, number_id, to

rotas = Table(
    "rotas",
    metadata,
    number_id(),
    to("team_id", "teams.id"),
    Column("version", Integer, nullable=False),
    moment("valid_from"),
    Column("content", JSON, nullable=False),  # storage.records.rota_content.RotaContent
    to("author_id", "users.id", null=True),  # null: at the command line
    moment("created_at"),
    Column("reason", String(300), nullable=False),
    UniqueConstraint("team_id", "version"),
)

rota_holidays = Table(
    "rota_holidays",
    metadata,
    number_id(),
    to("team_id", "teams.id"),
    Column("day", String(10), nullable=False),  # the team's own, ISO 8601
    Column("name", String(80), nullable=False),
    Column("content", JSON, nullable=False),  # like: weekday; people: ids in the order of places
    to("author_id", "users.id", null=True),
    moment("created_at"),
    moment("removed_at", null=True),
    to("removed_by_id", "users.id", null=True),  # null: at the command line, or not taken back
    Index("ix_rota_holidays_team_id_day", "team_id", "day"),
)

rota_stand_ins = Table(
    "rota_stand_ins",
    metadata,
    number_id(),
    to("team_id", "teams.id"),
    to("away_id", "users.id"),
    to("instead_id", "users.id", null=True),  # null: the next in order moves up
    moment("starts_at"),
    moment("ends_at"),
    Column("reason", String(300), nullable=False),
    to("author_id", "users.id", null=True),
    moment("created_at"),
    moment("removed_at", null=True),
    to("removed_by_id", "users.id", null=True),  # null: at the command line, or not taken back
    Index("ix_rota_stand_ins_team_id_ends_at", "team_id", "ends_at"),
)

trial_calls = Table(  # of whom a team calls when nobody takes an alert
    "trial_calls",
    metadata,
    number_id(),
    to("team_id", "teams.id"),
    to("user_id", "users.id"),
    Column("channel", String(20), nullable=False),
    moment("at"),
    Column("outcome", String(20), nullable=False),  # sent, failed, unknown
    Index("ix_trial_calls_team_id_at", "team_id", "at"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("purpose", String(30), primary_key=True),  # links
    Column("key", String(64), nullable=False),  # hexadecimal
    moment("created_at"),
)
