"""The backend's store as the fault tests need it: what was received, by id, and how it is answered."""

from collections import Counter
from collections.abc import Callable, Sequence

from hearthline_protocol.messages import Receipt
from tests.fixtures.receipt_backend import HeardBatch, entries


class Ledger:
    """Stores by id, as the backend does: a reading that comes again is the same reading. Use it as the ``answer`` of a
    :class:`ReceiptBackend`."""

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self._measured: dict[tuple[object, ...], set[str]] = {}

    def __call__(self, batch: HeardBatch) -> Sequence[Receipt]:
        """Store everything and say so."""
        self.store(batch)
        return (entries(batch.batch, batch.ids),)

    def store(self, batch: HeardBatch) -> None:
        """Without an answer."""
        self.received.update(batch.ids)
        for reading in batch.readings:
            meant = (reading["sensor"], reading["kind"], str(reading["device_time"]), str(reading["values"]))
            self._measured.setdefault(meant, set()).add(reading["id"])

    @property
    def ids(self) -> set[str]:
        """What is stored."""
        return set(self.received)

    @property
    def twice(self) -> int:
        """Measurements that stand there under more than one id."""
        return sum(len(ids) - 1 for ids in self._measured.values())


Answer = Callable[[HeardBatch], Sequence[Receipt]]
