"""Hop 4: what was heard, on disk before anything else happens, until the backend's receipt names it.

The file is ``<data_dir>/outbox.sqlite3``; :mod:`hearthline_gateway.outbox.schema` describes its tables.
"""

from typing import Final

FILE_NAME: Final = "outbox.sqlite3"
