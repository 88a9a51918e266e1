"""What kinds, fields and inputs of a score are called in a sentence about a rule."""

from typing import Final

from hearthline_backend.domain.news2 import Input
from hearthline_backend.domain.phrases import Phrase

_KINDS: Final = {
    "blood_pressure": Phrase("Blood pressure"),
    "oxygen_saturation": Phrase("Oxygen"),
    "body_weight": Phrase("Weight"),
    "body_composition": Phrase("Body composition"),
    "body_temperature": Phrase("Temperature"),
    "glucose": Phrase("Glucose"),
    "heart_rate": Phrase("Pulse"),
    "respiratory_rate": Phrase("Breathing rate"),
    "peak_flow": Phrase("Peak flow"),
}
_FIELDS: Final = {
    "systolic": Phrase("Systolic"),
    "diastolic": Phrase("Diastolic"),
    "mean": Phrase("Mean pressure"),
    "pulse": Phrase("Pulse"),
    "bmi": Phrase("BMI"),
    "fat": Phrase("Fat"),
    "muscle": Phrase("Muscle"),
    "water": Phrase("Water"),
    "fev1": Phrase("FEV1"),
}
_INPUTS: Final = {
    Input.RESPIRATION: Phrase("breathing rate"),
    Input.OXYGEN_SATURATION: Phrase("oxygen"),
    Input.OXYGEN_SUPPLY: Phrase("air or oxygen"),
    Input.SYSTOLIC: Phrase("systolic pressure"),
    Input.PULSE: Phrase("pulse"),
    Input.CONSCIOUSNESS: Phrase("consciousness"),
    Input.TEMPERATURE: Phrase("temperature"),
}


def kind_phrase(kind: str) -> Phrase:
    """What a kind is called."""
    return _KINDS[kind]


def field_phrase(kind: str, name: str) -> Phrase:
    """What a field is called; the kind's own name where it has only one number that matters."""
    return _FIELDS.get(name) or _KINDS[kind]


def input_phrase(given: Input) -> Phrase:
    """What an input of NEWS2 is called, within a list."""
    return _INPUTS[given]
