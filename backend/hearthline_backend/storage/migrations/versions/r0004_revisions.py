"""Numbers that grow whenever something changes that the hot path remembers: whose meters are, plans, who is cared for.

Triggers count, so that whoever changes a row, by whatever program, cannot forget to. What changes with every message
(when a gateway was last heard, its status) does not count.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None

_WATCHED: Final = (
    ("homes", "gateways", ("name", "organisation_id")),
    ("homes", "sensors", ()),
    ("homes", "assignments", ()),
    ("homes", "claims", ()),
    ("care", "teams", ()),
    ("care", "patients", ()),
    ("care", "plans", ()),
)
"""Topic, table, and the columns whose change counts; all of them where none is named."""

_FUNCTION: Final = """
CREATE FUNCTION hearthline_revise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE revisions SET number = number + 1 WHERE topic = TG_ARGV[0]; RETURN NULL; END $$
"""


def _name(table: str, occasion: str) -> str:
    return f"revise_{table}_{occasion.split(' ', 1)[0].lower()}"


def _occasions(columns: tuple[str, ...]) -> tuple[str, ...]:
    return ("INSERT", "DELETE", f"UPDATE OF {', '.join(columns)}" if columns else "UPDATE")


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "revisions",
        sa.Column("topic", sa.String(length=20), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name="pk_revisions"),
    )
    postgresql = op.get_bind().dialect.name == "postgresql"
    for topic in dict.fromkeys(topic for topic, _, _ in _WATCHED):
        op.execute(f"INSERT INTO revisions (topic, number) VALUES ('{topic}', 1)")  # noqa: S608  # our own names
    if postgresql:
        op.execute(_FUNCTION)
    for topic, table, columns in _WATCHED:
        for occasion in _occasions(columns):
            head = f"CREATE TRIGGER {_name(table, occasion)} AFTER {occasion} ON {table}"
            if postgresql:
                op.execute(f"{head} FOR EACH STATEMENT EXECUTE FUNCTION hearthline_revise('{topic}')")
            else:
                count = f"UPDATE revisions SET number = number + 1 WHERE topic = '{topic}'"  # noqa: S608
                op.execute(f"{head} BEGIN {count}; END")


def downgrade() -> None:
    """Take them away."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for _, table, columns in _WATCHED:
        for occasion in _occasions(columns):
            op.execute(f"DROP TRIGGER {_name(table, occasion)}" + (f" ON {table}" if postgresql else ""))
    if postgresql:
        op.execute("DROP FUNCTION hearthline_revise()")
    op.drop_table("revisions")
