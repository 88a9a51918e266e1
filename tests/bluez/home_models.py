"""Variants of the fixtures' meters for the guest, whose emulated processor is slow."""

from dataclasses import replace
from typing import Final

from tests.fixtures import ble_meters
from tests.fixtures.ble_home import CUFF, CUFF_SPEC

GLUCOSE: Final = replace(ble_meters.GLUCOSE, disconnect_after_s=2.0)
EAGER_CUFF_SPEC: Final = replace(CUFF_SPEC, eager=True)
MENDING_CUFF: Final = replace(CUFF, mend_bond=True)
