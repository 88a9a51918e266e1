"""Who may import whom (docs/design.md, "The tree"), read from the sources: an import inside a function counts too."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "hearthline_protocol": ROOT / "protocol" / "hearthline_protocol",
    "hearthline_gateway": ROOT / "gateway" / "hearthline_gateway",
    "hearthline_backend": ROOT / "backend" / "hearthline_backend",
    "hearthline_simulator": ROOT / "simulator" / "hearthline_simulator",
}
STANDARD = sys.stdlib_module_names
BLUETOOTH = {"bleak", "bleak_retry_connector", "dbus_fast", "bluetooth_auto_recovery", "xiaomi_ble"}


def sources() -> Iterator[tuple[str, Path]]:
    for folder in PACKAGES.values():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide who imports whom"
            module = node.module or ""
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


MODULES = {name: imports_of(path) for name, path in sources()}


def offenders(inside: str, allowed: set[str]) -> dict[str, set[str]]:
    bad = {
        name: {target for target in targets if not any(_within(target, package) for package in allowed)}
        for name, targets in MODULES.items()
        if _within(name, inside)
    }
    return {name: targets for name, targets in bad.items() if targets}


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def importers_of(package: str) -> set[str]:
    return {name for name, targets in MODULES.items() if any(_within(target, package) for target in targets)}


def test_every_package_has_modules() -> None:
    for package in PACKAGES:
        assert any(_within(name, package) for name in MODULES), package


@pytest.mark.parametrize(
    ("inside", "own"),
    [
        ("hearthline_gateway.gatt", "hearthline_gateway.gatt"),
        ("hearthline_backend.domain", "hearthline_backend.domain"),
    ],
)
def test_pure_parts_import_only_the_standard_library_and_the_contract(inside: str, own: str) -> None:
    assert offenders(inside, {own, "hearthline_protocol", *STANDARD}) == {}


def test_the_contract_imports_pydantic_and_nothing_of_ours() -> None:
    assert offenders("hearthline_protocol", {"hearthline_protocol", "pydantic", *STANDARD}) == {}


def test_gateway_and_backend_never_import_each_other() -> None:
    assert {name for name in importers_of("hearthline_backend") if _within(name, "hearthline_gateway")} == set()
    assert {name for name in importers_of("hearthline_gateway") if _within(name, "hearthline_backend")} == set()


def test_nothing_of_the_product_but_the_demo_command_imports_the_simulator() -> None:
    outside = {name for name in importers_of("hearthline_simulator") if not _within(name, "hearthline_simulator")}
    assert outside <= {"hearthline_backend.cli"}


@pytest.mark.parametrize("library", sorted(BLUETOOTH))
def test_only_ble_imports_the_bluetooth_stack(library: str) -> None:
    outside = {name for name in importers_of(library) if not _within(name, "hearthline_simulator")}
    assert all(_within(name, "hearthline_gateway.ble") for name in outside), outside


def test_only_the_uplinks_import_paho() -> None:
    outside = {name for name in importers_of("paho") if not _within(name, "hearthline_simulator")}
    assert all(
        _within(name, "hearthline_gateway.uplink") or _within(name, "hearthline_backend.uplink") for name in outside
    ), outside


@pytest.mark.parametrize("package", ["hearthline_gateway", "hearthline_backend"])
def test_only_the_entry_point_imports_app(package: str) -> None:
    commands = (f"{package}.cli", f"{package}.cli_")  # one command line, in several modules
    assert all(name.startswith(commands) for name in importers_of(f"{package}.app"))


def test_sql_stays_in_storage() -> None:
    users = {name for name in importers_of("sqlalchemy") if _within(name, "hearthline_backend")}
    assert all(_within(name, "hearthline_backend.storage") for name in users), users
