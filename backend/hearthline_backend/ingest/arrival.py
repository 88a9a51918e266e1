"""Readings from a gateway that did not know the time when it sent them: our own clock gives what theirs could not.

Such a reading says that its time is unknown and names no latest moment. It was measured before it arrived, so its
arrival is the latest, and there it stands: at any earlier moment a red would join what is long over and call nobody.
"""

from datetime import datetime

from hearthline_protocol.readings import Reading, TimeBounds, TimeQuality


def dated_by_arrival(reading: Reading, arrived: datetime) -> Reading:
    """The reading as it is, or, where only its arrival can date it, as of then."""
    bounds = reading.time_bounds
    if reading.time_quality is not TimeQuality.UNKNOWN or bounds is None or bounds.latest is not None:
        return reading
    return reading.model_copy(
        update={
            "received_time": arrived,
            "effective_time": arrived,
            "time_bounds": TimeBounds(earliest=min(bounds.earliest, arrived), latest=arrived),
        }
    )
