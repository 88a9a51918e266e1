"""``hearthline replay`` as a person runs it, on a file of many readings."""

import json
import os
import random
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Final

from bench.rounds import BenchError
from hearthline_simulator.demo.commands import command

TEMPLATE: Final = "heart_failure"
_START: Final = datetime(2016, 1, 1, 6, tzinfo=UTC)
_APART: Final = timedelta(hours=8)
_WITHIN_S: Final = 600
_STEADY_WEIGHT: Final = 80.0


@dataclass(frozen=True, slots=True)
class ReplayFound:
    """So many readings in so many seconds, the program's start and the reading of the file included."""

    readings: int
    events: int
    seconds: float

    @property
    def per_s(self) -> float:
        """Readings a second."""
        return self.readings / self.seconds


def measure(folder: Path, readings: int) -> ReplayFound:
    """Write a file and replay it. Raises :class:`BenchError` where the command did not read all of it."""
    file = folder / "readings.csv"
    _write(file, readings)
    words = [*command("hearthline", "replay"), "--template", TEMPLATE, "--csv", str(file)]
    began = monotonic()
    done = subprocess.run(words, capture_output=True, text=True, timeout=_WITHIN_S, check=False, env=dict(os.environ))
    seconds = monotonic() - began
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        raise BenchError(f"hearthline replay ended with {done.returncode}: {done.stderr[-500:]}")
    summary = json.loads(lines[-1])
    if summary["readings"] != readings:
        raise BenchError(f"hearthline replay saw {summary['readings']} of {readings} readings")
    return ReplayFound(readings, len(lines) - 1, seconds)


def _write(file: Path, readings: int) -> None:
    """Weights, oxygen and pressures in turn, as one patient measures; a file of one line a reading would be easier."""
    chance = random.Random(11)
    with file.open("w", encoding="utf-8") as lines:
        lines.write("time,kind,field,value,unit\n")
        for number in range(readings):
            at = (_START + number * _APART / 3).isoformat()
            if number % 3 == 0:
                lines.write(f"{at},body_weight,weight,{chance.gauss(_STEADY_WEIGHT, 0.4):.1f},kg\n")
            elif number % 3 == 1:
                lines.write(f"{at},oxygen_saturation,spo2,{chance.randint(92, 98)},%\n")
                lines.write(f"{at},oxygen_saturation,pulse,{chance.randint(55, 95)},/min\n")
            else:
                lines.write(f"{at},blood_pressure,systolic,{chance.randint(98, 150)},mm[Hg]\n")
                lines.write(f"{at},blood_pressure,diastolic,{chance.randint(60, 90)},mm[Hg]\n")
                lines.write(f"{at},blood_pressure,pulse,{chance.randint(55, 95)},/min\n")
