"""How finely a scale measures mass and height, as its feature characteristics say it.

Source: Bluetooth SIG, Weight Scale Service 1.0.1 and Body Composition Service 1.0, which share these tables.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final


class MassResolution(IntEnum):
    """The step of a mass, in kilograms and in pounds."""

    NOT_SPECIFIED = 0
    KG_0_5_OR_LB_1 = 1
    KG_0_2_OR_LB_0_5 = 2
    KG_0_1_OR_LB_0_2 = 3
    KG_0_05_OR_LB_0_1 = 4
    KG_0_02_OR_LB_0_05 = 5
    KG_0_01_OR_LB_0_02 = 6
    KG_0_005_OR_LB_0_01 = 7


class HeightResolution(IntEnum):
    """The step of a height, in metres and in inches."""

    NOT_SPECIFIED = 0
    M_0_01_OR_INCH_1 = 1
    M_0_005_OR_INCH_0_5 = 2
    M_0_001_OR_INCH_0_1 = 3


MASS_RESOLUTIONS: Final[Mapping[int, MassResolution]] = MappingProxyType({int(step): step for step in MassResolution})
HEIGHT_RESOLUTIONS: Final[Mapping[int, HeightResolution]] = MappingProxyType(
    {int(step): step for step in HeightResolution}
)
