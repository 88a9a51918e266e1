"""Until when a certificate is valid, read from its file: Python's ssl tells that only of certificates of others."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"


def valid_until(file: Path) -> datetime:
    """The end of the first certificate in a PEM file. Raises ``ValueError`` where there is none, or ``OSError``.

    A certificate is a sequence whose first part is a sequence of: version (optional), serial number, signature
    algorithm, issuer, validity (a sequence of two times), and more. Source: RFC 5280, 4.1.
    """
    text = file.read_text(encoding="ascii", errors="replace")
    begin, end = text.find(_BEGIN), text.find(_END)
    if begin < 0 or end < begin:
        raise ValueError("the file holds no certificate")
    outer, _ = _part(ssl.PEM_cert_to_DER_cert(text[begin : end + len(_END)]), _SEQUENCE)
    rest, _ = _part(outer, _SEQUENCE)
    if rest[:1] == bytes([_VERSION]):
        _, rest = _part(rest)
    for _skipped in ("serial number", "signature algorithm", "issuer"):
        _, rest = _part(rest)
    validity, _ = _part(rest, _SEQUENCE)
    _, until = _part(validity)
    return _moment(until)


def _part(data: bytes, tag: int | None = None) -> tuple[bytes, bytes]:
    """The content of the first element, and what follows it."""
    if len(data) < 2 or (tag is not None and data[0] != tag):
        raise ValueError("the certificate is damaged")
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise ValueError("the certificate is damaged")
    return data[start : start + length], data[start + length :]


def _moment(data: bytes) -> datetime:
    content, _ = _part(data)
    text = content.decode("ascii")
    if data[0] == _UTC_TIME:  # two digits of the year: 50 and more are of the last century
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
