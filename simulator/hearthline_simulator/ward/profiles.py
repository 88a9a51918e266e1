"""Who lives in the ward: 24 patients of one team, and what each of them measures. Invented, and without surnames."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HISTORY_DAYS: Final = 90
NEW_DAYS: Final = 5
TIME_ZONE: Final = "Europe/Stockholm"


class Pattern(StrEnum):
    """How a patient's months went."""

    STABLE = "stable"
    DETERIORATING = "deteriorating"
    NON_ADHERENT = "non_adherent"
    NEW = "new"
    LATE = "late"
    """The home loses its internet for days at a time; what it held back arrives later."""
    IRREGULAR = "irregular"
    """The cuff reports an irregular pulse now and then."""


class Scene(StrEnum):
    """What the care team sees of a patient at the moment the demo starts."""

    GREEN = "green"
    RED_TAKEN = "red_taken"
    YELLOW_OPEN = "yellow_open"
    YELLOW_TAKEN = "yellow_taken"
    LATE_RED = "late_red"
    """A red reading of yesterday that arrived this morning: a task to review, nobody was called for it."""
    SILENT = "silent"
    """Nothing measured for almost two days."""
    OFFLINE = "offline"
    """The home itself has not been heard."""


class Trouble(StrEnum):
    """What the technician sees of a home."""

    NONE = "none"
    LOW_BATTERY = "low_battery"
    CLOCK_OFF = "clock_off"
    BOND_LOST = "bond_lost"
    CUFF_SILENT = "cuff_silent"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Profile:
    """One patient. Blood pressure in mmHg, pulse a minute, weight in kg, oxygen in %: what is usual for this patient.

    ``weight``, ``oxygen`` and ``temperature`` say what is measured beside the blood pressure. ``home`` is the number a
    technician knows; it says nothing about the patient.
    """

    home: str
    given_name: str
    family_initial: str
    birth_year: int
    systolic: float
    diastolic: float
    pulse: float
    pattern: Pattern = Pattern.STABLE
    scene: Scene = Scene.GREEN
    trouble: Trouble = Trouble.NONE
    weight: float | None = None
    oxygen: float | None = None
    temperature: bool = False

    @property
    def gateway(self) -> str:
        """The name of the home's gateway on the broker."""
        return f"home-{self.home}"

    @property
    def days(self) -> int:
        """How far back the history goes."""
        return NEW_DAYS if self.pattern is Pattern.NEW else HISTORY_DAYS


ASTRID: Final = Profile("0417", "Astrid", "A.", 1948, 138, 82, 74, weight=68.2, oxygen=96, temperature=True)
"""The patient of the simulated home, whose cuff reads 186/112 mmHg."""

WARD: Final = (
    Profile("0051", "Maja", "B.", 1950, 128, 78, 68, weight=71.4),
    Profile("0063", "Olav", "H.", 1949, 133, 80, 66, weight=91.0, oxygen=95),
    Profile("0075", "Lucia", "R.", 1958, 127, 79, 72, trouble=Trouble.CLOCK_OFF),
    Profile("0092", "Tor", "N.", 1943, 134, 82, 63, weight=76.4),
    Profile("0118", "Bengt", "L.", 1951, 146, 86, 78, Pattern.DETERIORATING, Scene.RED_TAKEN, oxygen=94),
    Profile("0127", "Ingrid", "S.", 1944, 140, 82, 70, Pattern.DETERIORATING, Scene.YELLOW_TAKEN, weight=83.1),
    Profile("0139", "Sofia", "K.", 1962, 136, 84, 75, scene=Scene.YELLOW_OPEN),
    Profile("0152", "Milan", "D.", 1955, 137, 85, 77, Pattern.LATE, Scene.LATE_RED),
    Profile("0166", "Per", "E.", 1946, 139, 84, 69, Pattern.NON_ADHERENT, Scene.SILENT, Trouble.CUFF_SILENT),
    Profile("0178", "Elin", "T.", 1953, 131, 79, 71, Pattern.LATE, Scene.OFFLINE, Trouble.OFFLINE, oxygen=95),
    Profile("0183", "Karin", "J.", 1947, 125, 74, 65, weight=63.8, temperature=True),
    Profile("0199", "Lars", "W.", 1941, 136, 77, 61, Pattern.IRREGULAR),
    Profile("0205", "Birgit", "O.", 1939, 135, 72, 64, Pattern.IRREGULAR, weight=58.6),
    Profile("0219", "Gunnar", "F.", 1952, 130, 83, 73, trouble=Trouble.LOW_BATTERY, weight=88.7),
    Profile("0234", "Aino", "V.", 1956, 126, 80, 70, temperature=True),
    Profile("0248", "Nils", "M.", 1938, 137, 71, 59, weight=74.9, oxygen=96),
    Profile("0257", "Ulla", "P.", 1945, 132, 76, 67, Pattern.NON_ADHERENT),
    Profile("0263", "Jorge", "C.", 1960, 134, 87, 79, Pattern.NEW),
    Profile("0271", "Eva", "G.", 1965, 129, 84, 76, Pattern.NEW, weight=66.3),
    Profile("0286", "Arne", "U.", 1942, 133, 75, 62, trouble=Trouble.BOND_LOST, weight=81.2),
    Profile("0294", "Inger", "I.", 1957, 124, 77, 71, oxygen=97),
    Profile("0302", "Hamid", "Z.", 1959, 131, 85, 80, weight=79.5),
    Profile("0315", "Rut", "Q.", 1940, 138, 73, 66, temperature=True, oxygen=95),
    Profile("0328", "Stellan", "Y.", 1954, 128, 81, 69, weight=94.3),
)
"""The other patients of the team."""
