from pathlib import Path

import pytest

from hearthline_gateway.settings_file import load_settings
from hearthline_simulator.demo.broker import (
    PROGRAM_VARIABLE,
    URL_VARIABLE,
    BrokerAccess,
    BrokerMissingError,
    configuration,
    find_program,
    given_broker,
    libraries,
)
from hearthline_simulator.demo.gateway_home import configuration as gateway_configuration
from hearthline_simulator.demo.ports import NoFreePortError, first_free_port
from hearthline_simulator.ward.meters import meters_of
from hearthline_simulator.ward.profiles import ASTRID


def test_the_broker_drops_nothing_silently_and_listens_on_loopback_only() -> None:
    lines = configuration(18830).splitlines()
    assert {"max_queued_messages 0", "set_tcp_nodelay true", "max_inflight_messages 1000"} <= set(lines)
    assert any(line.startswith("max_queued_bytes ") for line in lines)
    assert any(line.startswith("max_packet_size ") for line in lines)
    assert [line for line in lines if line.startswith("listener")] == ["listener 18830 127.0.0.1"]


def test_a_named_program_wins_and_a_wrong_name_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "mosquitto"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv(PROGRAM_VARIABLE, str(program))
    assert find_program() == str(program)
    monkeypatch.setenv(PROGRAM_VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(BrokerMissingError, match="make setup"):
        find_program()


def test_an_unpacked_program_finds_the_libraries_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    folder = tmp_path / "usr" / "lib" / "x86_64-linux-gnu"
    folder.mkdir(parents=True)
    assert libraries(str(tmp_path / "usr" / "sbin" / "mosquitto")) == {"LD_LIBRARY_PATH": str(folder)}
    assert libraries("/usr/sbin/mosquitto") == {}


def test_a_given_brokers_password_goes_into_a_file_and_out_of_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    assert given_broker(tmp_path) is None
    monkeypatch.setenv(URL_VARIABLE, "mqtt://home:p%40ss@broker.example:1884")
    given = given_broker(tmp_path)
    assert given is not None
    assert (given.url, given.username) == ("mqtt://broker.example:1884", "home")
    assert given.password_file is not None
    assert given.password_file.read_text() == "p@ss\n"
    assert given.password_file.stat().st_mode & 0o077 == 0


def test_the_gateways_configuration_is_one_that_the_gateway_takes(tmp_path: Path) -> None:
    password = tmp_path / "mqtt-password"
    password.write_text("secret\n")
    file = tmp_path / "gateway.toml"
    access = BrokerAccess("mqtt://127.0.0.1:1883", "home", password)
    file.write_text(gateway_configuration(ASTRID.gateway, tmp_path / "data", access, meters_of(ASTRID)))
    settings = load_settings(file, {})
    assert settings.gateway.name == ASTRID.gateway
    assert settings.mqtt.broker.username == "home"
    assert [meter.model for meter in settings.meters] == [
        "generic-blood-pressure",
        "generic-oximeter",
        "generic-weight-scale",
        "generic-thermometer",
    ]


def test_the_next_free_port_is_taken_and_the_end_of_ports_is_said() -> None:
    import socket  # noqa: PLC0415  # only this test holds a port

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        if port < 65_000:
            assert port < first_free_port(port) < port + 200
    with pytest.raises(NoFreePortError, match="--port"):
        first_free_port(65_536)
