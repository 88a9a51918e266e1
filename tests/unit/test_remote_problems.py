"""What the remote work has to complain of fits into the status, however long the paths of a home are."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hearthline_gateway.remote_work import RemoteWork
from hearthline_gateway.settings_file import load_settings
from hearthline_gateway.uplink.mail import Mail
from hearthline_protocol.messages import GatewayStatus
from tests.fixtures.fake_radio import FakeRadio


class Uplink:
    """Nobody asks it anything."""

    problem: str | None = None
    no_subscriber: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    knocking: bool = False

    def offer(self, rows: object) -> None: ...

    def status_changed(self) -> None: ...


async def _status() -> GatewayStatus:
    return GatewayStatus(state="online")


async def test_a_long_complaint_is_cut_so_that_the_status_still_arrives(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    socket = tmp_path / "file" / "a" / ("b" * 250) / "control.sock"
    file = tmp_path / "gateway.toml"
    file.write_text(
        f"""
[gateway]
name = "home-12"
time_zone = "UTC"
data_dir = "{tmp_path}"
control_socket = "{socket}"
[mqtt]
url = "mqtt://127.0.0.1:1883"
""",
        encoding="utf-8",
    )
    nowhere: Any = None
    remote = RemoteWork(
        load_settings(file, {}),
        nowhere,
        mail=Mail(),
        connection=Uplink(),
        status=_status,
        restart=lambda: None,
        now=lambda: datetime.now(UTC),
    )
    remote.load()
    remote.attach(FakeRadio(), lambda _: None)
    running = asyncio.create_task(remote.run())
    async with asyncio.timeout(15):
        while not remote.problems:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    GatewayStatus(state="online", problems=remote.problems)
    assert "cannot be made" in remote.problems[0] or "control socket" in remote.problems[0]
