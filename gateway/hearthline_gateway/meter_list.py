"""Which meters the gateway reads, and on whose word. Pure: what was heard goes in, the meters in force come out.

Three parties have a say. The settings ``file`` comes first: what stands in it is read, whatever others say. The
``backend`` sends its whole list with a revision that grows; the newest counts. A technician pairs and unpairs ``on the
spot``; that word counts until a newer revision shows that the backend has heard of it.

The result depends only on what was heard, not on the order it was heard in: an old revision that arrives late changes
nothing in force, but still tells that the backend once knew a meter.
"""

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hearthline_protocol.configuration import DesiredConfiguration, MeterInForce, MeterWanted, ModelName
from hearthline_protocol.readings import Address


class Word(BaseModel):
    """A technician's last word on one meter: ``model`` it was paired as, None for unpaired.

    ``number`` orders such words within this gateway, ``since`` is the revision that was in force when it was said (0
    before the first). A pairing of what the backend lists already only takes an unpairing back; its ``since`` is one
    less, so that it counts as known to the backend.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelName | None
    number: Annotated[int, Field(ge=1)]
    since: Annotated[int, Field(ge=0)]


class MeterList(BaseModel):
    """All that was said. ``listed`` holds, for each meter, the newest revision that had it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    configuration: DesiredConfiguration | None = None
    listed: dict[Address, int] = Field(default_factory=dict)
    words: dict[Address, Word] = Field(default_factory=dict)

    @property
    def revision(self) -> int:
        """The newest revision heard of; 0 before the first."""
        return 0 if self.configuration is None else self.configuration.revision

    def configured(self, wanted: DesiredConfiguration) -> "MeterList":
        """The backend sent its list."""
        listed = dict(self.listed)
        for meter in wanted.meters:
            listed[meter.address] = max(listed.get(meter.address, 0), wanted.revision)
        newest = wanted if wanted.revision > self.revision else self.configuration
        return self.model_copy(update={"configuration": newest, "listed": listed})

    def paired(self, address: str, model: str) -> "MeterList":
        """A technician paired a meter just now."""
        known = self.revision - 1 if address in self._wanted() else self.revision
        return self.said(address, Word(model=model, number=self._next(), since=max(known, 0)))

    def unpaired(self, address: str) -> "MeterList":
        """A technician unpaired a meter just now."""
        return self.said(address, Word(model=None, number=self._next(), since=self.revision))

    def said(self, address: str, word: Word) -> "MeterList":
        """A technician's word; one said later about the same meter replaces it."""
        before = self.words.get(address)
        if before is not None and before.number >= word.number:
            return self
        return self.model_copy(update={"words": self.words | {address: word}})

    def in_force(self, file: Iterable[MeterWanted]) -> tuple[MeterInForce, ...]:
        """The meters to read, in the order file, backend, paired; ``file`` are those of the settings."""
        found = {meter.address: MeterInForce(address=meter.address, model=meter.model, origin="file") for meter in file}
        for meter in self._wanted().values():
            if meter.address not in found and not self._unpaired_since(meter.address):
                found[meter.address] = MeterInForce(address=meter.address, model=meter.model, origin="backend")
        for address, word in sorted(self.words.items()):
            if address not in found and word.model is not None and not self._taken_up(address, word):
                found[address] = MeterInForce(address=address, model=word.model, origin="paired")
        return tuple(found.values())

    def _wanted(self) -> dict[Address, MeterWanted]:
        return {} if self.configuration is None else {meter.address: meter for meter in self.configuration.meters}

    def _unpaired_since(self, address: str) -> bool:
        """Unpaired here after the newest revision: the backend has not had the time to hear of it."""
        word = self.words.get(address)
        return word is not None and word.model is None and word.since >= self.revision

    def _taken_up(self, address: str, word: Word) -> bool:
        """A revision newer than the pairing had the meter: from then on the backend decides."""
        return self.listed.get(address, 0) > word.since

    def _next(self) -> int:
        return max((word.number for word in self.words.values()), default=0) + 1
