"""Into quarantine with what could not be taken, and out of it with what was."""

from collections.abc import Sequence

import structlog

from hearthline_backend.ingest.parcel import Parcel
from hearthline_backend.ingest.refusal import Refused
from hearthline_backend.storage.records.quarantine import Refusal
from hearthline_backend.storage.records.unit import Unit
from hearthline_protocol.messages import ReceiptStatus

log = structlog.get_logger(__name__)


async def keep_all(unit: Unit, parcels: Sequence[Parcel]) -> list[list[Refused]]:
    """Into quarantine; of each parcel those refusals that the home may be told of."""
    promised: list[list[Refused]] = [[] for _ in parcels]
    put: list[tuple[int, Refused, Refusal]] = []
    full: dict[str, int] = {}
    for number, parcel in enumerate(parcels):
        for refused in parcel.refused:
            if not _same(parcel, refused):
                put.append((number, refused, _refusal(parcel, refused)))
            elif parcel.kept is not None and refused.reason.status is not ReceiptStatus.HELD:
                await unit.quarantine.reject(parcel.kept.id)  # a technician had it tried again, in vain
    whole = await unit.quarantine.put_many([refusal for _, _, refusal in put])
    for (number, refused, refusal), kept_whole in zip(put, whole, strict=True):
        if kept_whole or refused.reason.status is not ReceiptStatus.HELD:
            promised[number].append(refused)
        else:
            full[refusal.gateway] = full.get(refusal.gateway, 0) + 1
    for gateway, refusals in full.items():
        log.warning("quarantine_quota_reached", gateway=gateway, refusals=refusals)
    return promised


def _refusal(parcel: Parcel, refused: Refused) -> Refusal:
    return Refusal(
        gateway=parcel.gateway,
        status="held" if refused.reason.status is ReceiptStatus.HELD else "rejected",
        reason=refused.reason.value,
        message=refused.message,
        payload=refused.payload,
        received_at=parcel.received_at,
        reading_id=refused.reading_ids[0] if refused.reading_ids and not refused.whole else None,
        batch=parcel.batch or None,
        whole_sha256=refused.whole_sha256,
        whole_bytes=refused.whole_bytes,
    )


def _same(parcel: Parcel, refused: Refused) -> bool:
    return parcel.kept is not None and refused.reason.value == parcel.kept.reason and refused.payload == parcel.payload


async def close(unit: Unit, parcel: Parcel) -> None:
    """End the row a parcel waited in, once what it held stands somewhere else."""
    if parcel.kept is None or any(_same(parcel, refused) for refused in parcel.refused):
        return
    message = f"taken: {len(parcel.stored)} stored, {len(parcel.refused)} kept under another reason"
    await unit.quarantine.close(parcel.kept.id, "released", message)
