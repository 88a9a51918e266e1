"""How often everything happened: exactly one stored reading and one alert, and every repeated call marked as one."""

import asyncio
from typing import Final

from hearthline_simulator.demo.chain import Hop
from hearthline_simulator.demo.evidence import Unreadable, stored_rows
from hearthline_simulator.demo.report import Report
from hearthline_simulator.demo.sinks import Channel
from hearthline_simulator.demo.trail import Trail

_SETTLES_WITHIN_S: Final = 5.0
_POLL_S: Final = 0.05
_CHANNELS: Final[tuple[tuple[Hop, Channel], ...]] = ((Hop.MAIL, "mail"), (Hop.WEBHOOK, "webhook"))


async def count_into(report: Report, trail: Trail) -> None:
    """Fill in the counts of what belongs to the one reading, and spoil the hop where one of them is wrong."""
    await _settled(trail)
    row = trail.row
    if row is None:
        return
    try:
        stored = stored_rows(trail.readings_file, row.sensor)
        report.stored = len(stored)
        alerts = trail.records.alerts([*(reading for reading, _ in stored), row.reading_id])
        report.alerts = len(alerts)
        report.quarantined = trail.records.quarantined(row.reading_id)
        report.mail, report.webhook = (len(trail.deliveries(channel)) for _, channel in _CHANNELS)
    except Unreadable as error:
        if report.first_failure is None:  # else that is the reason
            report.break_at(f"the counts cannot be read: {error}")
        return
    if report.stored > 1:
        ids = ", ".join(str(reading) for reading, _ in stored)
        report.spoil(Hop.STORED, f"the reading is stored {report.stored} times: {ids}")
    if report.quarantined:
        report.spoil(Hop.STORED, f"quarantine holds the reading {report.quarantined} times")
    if report.alerts > 1:
        report.spoil(Hop.ALERT, f"one reading made {report.alerts} alerts: {', '.join(str(one.id) for one in alerts)}")
    for hop, channel in _CHANNELS:
        _check_repeats(report, trail, hop, channel)


def _check_repeats(report: Report, trail: Trail, hop: Hop, channel: Channel) -> None:
    arrived = trail.deliveries(channel)
    again = arrived[1:]
    if any(not one.repeat for one in again):
        report.spoil(hop, f"{len(arrived)} calls arrived, and not every one after the first is marked as a repeat")
    elif any(one.key != arrived[0].key for one in again):
        report.spoil(hop, "a repeat came with another key than the call it repeats")
    elif again:
        report.add(hop, f"{len(again)} repeated, each marked, with the same key")


async def _settled(trail: Trail) -> None:
    """Until no call of the alert is under way: what is to come has then come."""
    if trail.alert is None:
        return
    deadline = asyncio.get_running_loop().time() + _SETTLES_WITHIN_S
    while asyncio.get_running_loop().time() < deadline:
        try:
            if not trail.records.unsettled(trail.alert.id):
                return
        except Unreadable:
            return  # count_into says so
        await asyncio.sleep(_POLL_S)
