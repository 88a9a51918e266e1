"""SFLOAT and FLOAT: signed exponents, kept precision, five specials."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_gateway.gatt.numbers import (
    Number,
    Special,
    decode_float,
    decode_sfloat,
    encode_float,
    encode_sfloat,
)


@pytest.mark.parametrize(
    ("raw", "value", "precision"),
    [
        (0x0002, 2, 0),
        (0xF014, 2.0, 1),
        (0xE0C8, 2.00, 2),
        (0x1002, 20, -1),
        (0x04D2, 1234, 0),
        (0x0B2E, -1234, 0),
        (0xB078, 0.0012, 5),
        (0x8001, 1e-8, 8),
        (0x7001, 10_000_000, -7),
        (0xF7FF, 204.7, 1),  # only with exponent 0 is this mantissa a NaN
    ],
)
def test_sfloat(raw: int, value: float, precision: int) -> None:
    number = decode_sfloat(raw)
    assert (number.value, number.precision) == (value, precision)


@pytest.mark.parametrize(
    ("raw", "value", "precision"),
    [
        (0xFF000014, 2.0, 1),
        (0x00FFFB2E, -1234, 0),
        (0xFF00016C, 36.4, 1),
        (0xFE000E71, 36.97, 2),
        (0xFE0009C4, 25.00, 2),
        (0x7F000001, 1e127, -127),
        (0x80000001, 1e-128, 128),
    ],
)
def test_float(raw: int, value: float, precision: int) -> None:
    number = decode_float(raw)
    assert (number.value, number.precision) == (value, precision)


@pytest.mark.parametrize(
    ("short", "long", "special"),
    [
        (0x07FF, 0x007FFFFF, Special.NAN),
        (0x0800, 0x00800000, Special.NRES),
        (0x07FE, 0x007FFFFE, Special.POSITIVE_INFINITY),
        (0x0802, 0x00800002, Special.NEGATIVE_INFINITY),
        (0x0801, 0x00800001, Special.RESERVED),
    ],
)
def test_specials_are_not_numbers(short: int, long: int, special: Special) -> None:
    for number in (decode_sfloat(short), decode_float(long)):
        assert number.special is special
        assert number.value is None


@given(st.integers(0, 0xFFFF))
def test_sfloat_encodes_back(raw: int) -> None:
    assert encode_sfloat(decode_sfloat(raw)) == raw


@given(st.integers(0, 0xFFFF_FFFF))
def test_float_encodes_back(raw: int) -> None:
    assert encode_float(decode_float(raw)) == raw


@pytest.mark.parametrize("number", [Number(2048, 0), Number(1, 8), Number(1, -9), Number(2047, 0), Number(-2048, 0)])
def test_what_sfloat_cannot_say_is_refused(number: Number) -> None:
    with pytest.raises(ValueError, match=r"fit|reserved"):
        encode_sfloat(number)
