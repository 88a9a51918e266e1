"""Where the broker is, and how patiently it is looked for."""

import random
from itertools import islice

import pytest

from hearthline_backend.uplink.address import BrokerAddress, BrokerAddressError
from hearthline_backend.uplink.backoff import EAGER_CAP_S, EAGER_TRIES, PATIENT_CAP_S, delays


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://broker", ("broker", 1883, False)),
        ("mqtt://127.0.0.1:2883/", ("127.0.0.1", 2883, False)),
        ("mqtts://broker.example.org", ("broker.example.org", 8883, True)),
        ("mqtt://[::1]:1884", ("::1", 1884, False)),
    ],
)
def test_addresses(url: str, expected: tuple[str, int, bool]) -> None:
    address = BrokerAddress.parse(url)
    assert (address.host, address.port, address.tls) == expected
    assert (address.tls_context() is not None) is address.tls


_NO_ADDRESS = ["", "b", "mqtt://", "ws://b", "mqtt://b:port", "mqtt://b/topic", "mqtt://anna:4711@b"]


@pytest.mark.parametrize("url", _NO_ADDRESS)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BrokerAddressError) as caught:
        BrokerAddress.parse(url)
    assert "4711" not in str(caught.value)


def test_a_restarted_broker_is_looked_for_at_least_every_second_then_patiently() -> None:
    waits = list(islice(delays(random.Random(1)), EAGER_TRIES + 20))
    assert sum(waits[:4]) < EAGER_CAP_S * 2
    assert max(waits[:EAGER_TRIES]) <= EAGER_CAP_S
    assert max(waits) <= PATIENT_CAP_S
    assert min(waits[EAGER_TRIES:]) >= PATIENT_CAP_S / 2
    assert waits != list(islice(delays(random.Random(2)), len(waits)))
