"""Who looks at a patient's values at the command line: named, and written to the access log before they are shown."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from hearthline_backend.cli_running import fail

Looking = Annotated[
    str | None,
    typer.Option("--as", help="With --show-values: the login of who looks. Patients can read who it was."),
]


def check(show_values: bool, login: str | None) -> None:
    """Values are shown to a named person only."""
    if show_values and not (login or "").strip():
        fail("--show-values needs --as LOGIN: who looks at a patient's values is written to the access log")


async def looks(unit: Any, login: str | None, patients: list[UUID], view: str) -> None:
    """Write that this person looked; in the transaction that reads what is shown."""
    from hearthline_backend.storage.records.people import Role  # keeps --help quick

    user = None if login is None else await unit.people.user_by_login(login)
    if user is None or not user.active or user.role not in (Role.CARE, Role.ENGINEER):
        fail(f"--as {login}: there is no care user or engineer of this login, and nobody else may look at values")
    for patient in patients:
        await unit.people.log_access(user.id, patient, view, datetime.now(UTC))
