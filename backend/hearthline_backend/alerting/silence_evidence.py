"""Evidence about a home, from what its gateway last said of itself and of its meters."""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from hearthline_backend.domain.silence import HomeEvidence, MeterEvidence
from hearthline_backend.storage.records.homes import Gateway, Sensor
from hearthline_protocol.configuration import ReportedConfiguration
from hearthline_protocol.messages import GatewayStatus, MeterStatus
from hearthline_protocol.readings import Reading

_WORKS = ("powered", "on")


def home_evidence(gateway: Gateway, sensors: Iterable[Sensor]) -> HomeEvidence:
    """What is known of a home and of these of its meters."""
    status = _status(gateway)
    listed = _listed(gateway)
    reported = {} if status is None else {one.address: one for one in status.meters}
    meters = tuple(_meter(one.address, reported, listed) for one in sensors)
    if status is None:
        return HomeEvidence(gateway.name, gateway.enrolled_at, gateway.heard_at, meters=meters)
    outbox = status.outbox
    return HomeEvidence(
        gateway.name,
        gateway.enrolled_at,
        gateway.heard_at,
        offline=status.state == "offline",
        stopped=status.state == "offline" and status.sent_time is not None,  # a last will knows no time
        status_at=status.sent_time or gateway.status_at,
        started_at=status.started_time,
        adapter_works=_adapter_works(status),
        clock_right=status.clock_synchronised,
        oldest_waiting=None if outbox is None else outbox.oldest_pending,
        last_receipt=None if outbox is None else outbox.last_receipt,
        meters=meters,
    )


def sensor_and_kind(payload: bytes) -> tuple[str, str] | None:
    """Whose and what kind of reading waits in quarantine; None where it is no reading."""
    try:
        reading = Reading.model_validate_json(payload)
    except ValidationError:
        return None
    return reading.sensor, reading.kind


def _meter(address: str, reported: Mapping[str, MeterStatus], listed: frozenset[str] | None) -> MeterEvidence:
    known = reported.get(address)
    on_list = None if listed is None else address in listed or known is not None
    if known is None:
        return MeterEvidence(address, reported=False, listed=on_list)
    return MeterEvidence(
        address,
        listed=on_list,
        paired=known.paired,
        last_heard=known.last_heard,
        last_reading=known.last_reading,
        last_error=known.last_error_time,
        battery_percent=known.battery_percent,
        clock_offset_s=known.clock_offset_s,
        problem=known.problem is not None,
    )


def _adapter_works(status: GatewayStatus) -> bool | None:
    """False where no adapter can hear anything."""
    if status.adapter is not None and status.adapter not in _WORKS:
        return False
    if status.adapters and all(one.problem is not None for one in status.adapters):
        return False
    return None if status.adapter is None and not status.adapters else True


def _status(gateway: Gateway) -> GatewayStatus | None:
    if gateway.status is None:
        return None
    try:
        return GatewayStatus.model_validate(dict(gateway.status))
    except ValidationError:  # a newer gateway says things this release does not know
        return None


def _listed(gateway: Gateway) -> frozenset[str] | None:
    if gateway.reported is None:
        return None
    try:
        reported = ReportedConfiguration.model_validate(dict(gateway.reported))
    except ValidationError:
        return None
    return frozenset(meter.address for meter in reported.meters)
