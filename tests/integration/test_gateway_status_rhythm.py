"""The status goes out every minute, and at once when something changes."""

import asyncio
from pathlib import Path

import pytest

from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.uplink import uplink as uplink_module
from hearthline_gateway.uplink.address import BrokerAddress
from hearthline_gateway.uplink.uplink import Uplink
from hearthline_protocol.messages import GatewayStatus
from tests.fixtures.broker import running_broker
from tests.fixtures.receipt_backend import ReceiptBackend

WITHIN_S = 20.0
MINUTE_S = 60.0


async def _online() -> GatewayStatus:
    return GatewayStatus(state="online")


def test_every_minute() -> None:
    assert uplink_module._STATUS_EVERY_S == MINUTE_S
    assert uplink_module._STATUS_SPACING_S <= 1, "a change is seen at once"


async def test_by_itself_and_on_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink_module, "_STATUS_EVERY_S", 0.3)
    monkeypatch.setattr(uplink_module, "_STATUS_SPACING_S", 0.05)
    async with (
        running_broker(tmp_path / "broker") as broker,
        Outbox(tmp_path / "outbox.sqlite3") as outbox,
        ReceiptBackend(broker.port) as backend,
    ):
        uplink = Uplink("home-1", BrokerAddress("127.0.0.1", broker.port), outbox, _online)
        running = asyncio.create_task(uplink.run())
        try:
            await backend.until(lambda: len(backend.statuses) >= 3, within=WITHIN_S)
            monkeypatch.setattr(uplink_module, "_STATUS_EVERY_S", 3600.0)
            await asyncio.sleep(0.5)  # the turn that began with the short one is over
            so_far = len(backend.statuses)
            uplink.status_changed()
            await backend.until(lambda: len(backend.statuses) > so_far, within=WITHIN_S)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
