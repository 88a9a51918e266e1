"""Alembic's entry: runs the steps on the connection it was given, inside that connection's transaction."""

from alembic import context
from sqlalchemy import Connection

from hearthline_backend.storage.every_table import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
