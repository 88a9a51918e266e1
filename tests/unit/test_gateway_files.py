"""The small files of the gateway's folder: whole or not at all, nobody else's, and never through somebody's link."""

import os
import stat
from pathlib import Path

import pytest

from hearthline_gateway.durable_file import write_durably
from hearthline_gateway.errors import GatewayError
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.shown_values import NotLoggedError, log_look
from hearthline_gateway.sole_user import sole_user_of

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for somebody else")
GATEWAYS_USER = 43210


def test_only_one_process_works_with_a_folder(tmp_path: Path) -> None:
    with sole_user_of(tmp_path), pytest.raises(GatewayError, match="another gateway runs"), sole_user_of(tmp_path):
        pass
    with sole_user_of(tmp_path):
        pass


def test_a_file_is_replaced_and_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "commands.json"
    for content in (b"one", b"two"):
        write_durably(file, content)
        assert file.read_bytes() == content
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_what_a_power_cut_left_beside_it_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".commands.json.new").write_bytes(b"half")
    write_durably(tmp_path / "commands.json", b"whole")
    assert (tmp_path / "commands.json").read_bytes() == b"whole"


def test_nobody_who_owns_the_folder_can_have_an_administrator_overwrite_another_file(tmp_path: Path) -> None:
    folder, victim = tmp_path / "data", tmp_path / "shadow"
    folder.mkdir()
    victim.write_bytes(b"untouched")
    for name in ("values-shown.log", "gateway.lock", ".configuration.json.new", "configuration.json"):
        (folder / name).symlink_to(victim)
    with pytest.raises(GatewayError), sole_user_of(folder):
        pass
    with pytest.raises(NotLoggedError):
        log_look(folder, "export")
    write_durably(folder / "configuration.json", b"{}")
    assert victim.read_bytes() == b"untouched"
    assert not (folder / "configuration.json").is_symlink()


@AS_ROOT
async def test_what_an_administrator_writes_is_the_gateways(tmp_path: Path) -> None:
    """Else the first start after a look with sudo ends before it began."""
    os.chown(tmp_path, GATEWAYS_USER, GATEWAYS_USER)
    with sole_user_of(tmp_path):
        write_durably(tmp_path / "configuration.json", b"{}")
        log_look(tmp_path, "export")
        async with Outbox(tmp_path / "outbox.sqlite3") as outbox:
            await outbox.status()
    assert {(file.stat().st_uid, file.stat().st_gid) for file in tmp_path.iterdir()} == {(GATEWAYS_USER, GATEWAYS_USER)}


@AS_ROOT
def test_a_container_without_the_right_to_give_files_away_works_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)
    with sole_user_of(tmp_path):
        write_durably(tmp_path / "configuration.json", b"{}")
