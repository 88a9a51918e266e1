"""Other programs that bring readings from MQTT into InfluxDB 2, each set up as its makers advise for speed."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any, Final

from hearthline_protocol import topics
from tests.fixtures.influxd import ORGANISATION, TOKEN

NODE_RED: Final = "node-red-4.1.15"
TELEGRAF: Final = "telegraf-1.35.4"
JOINED: Final = 500
"""Readings that Node-RED joins before it writes."""
FIELD: Final = "id"
"""A field that each of their points has."""
_JOIN_S: Final = "0.2"
_NODE_RED_RECIPE: Final = "scripts/peers/node-red"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a peer reads and writes: the broker's port, the store's address and bucket. ``folder`` is its own."""

    folder: Path
    broker_port: int
    influxdb: str
    bucket: str


@dataclass(frozen=True, slots=True)
class Peer:
    """``recipe`` installs it; ``command`` writes its configuration and says how it is started. ``name`` is what tables
    call it, ``row`` what rows begin with. A ``slow`` one writes each message by itself."""

    name: str
    row: str
    recipe: str
    command: Callable[[Target], list[str]]
    installed: Callable[[], bool]
    slow: bool = False


def peers() -> tuple[Peer, ...]:
    """All that are known, whether they are installed or not."""
    return (
        Peer("Node-RED, a message at a time", "nodered", _NODE_RED_RECIPE, _node_red_singly, _has_node_red, slow=True),
        Peer(f"Node-RED, joined by {JOINED}", "nodered_joined", _NODE_RED_RECIPE, _node_red_joined, _has_node_red),
        Peer("Telegraf", "telegraf", "scripts/peers/telegraf", _telegraf, _has_telegraf),
    )


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hearthline" / "peers"


def _has_node_red() -> bool:
    return which("node") is not None and (_cache() / NODE_RED / "node_modules" / "node-red" / "red.js").exists()


def _has_telegraf() -> bool:
    return os.access(_cache() / TELEGRAF / "telegraf", os.X_OK)


# --- Telegraf ------------------------------------------------------------------------------------------------------


def _telegraf(target: Target) -> list[str]:
    """At least once: what is not written is not acknowledged; as much may be under way as one write takes."""
    fields = [f"values_{name}_value" for name in ("systolic", "diastolic", "pulse", "weight")]
    config = target.folder / "telegraf.conf"
    config.write_text(
        f"""[agent]
  interval = "1s"
  flush_interval = "200ms"
  metric_batch_size = 5000
  metric_buffer_limit = 100000
  omit_hostname = true
  quiet = true
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{target.broker_port}"]
  topics = ["{topics.ALL_READINGS}"]
  topic_tag = ""
  qos = 1
  max_undelivered_messages = 10000
  persistent_session = true
  client_id = "telegraf"
  data_format = "json_v2"
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "reading"
    [[inputs.mqtt_consumer.json_v2.object]]
      path = "readings"
      timestamp_key = "effective_time"
      timestamp_format = "2006-01-02T15:04:05Z"
      tags = ["kind", "sensor"]
      included_keys = {json.dumps([FIELD, *fields])}
[[outputs.influxdb_v2]]
  urls = ["{target.influxdb}"]
  token = "{TOKEN}"
  organization = "{ORGANISATION}"
  bucket = "{target.bucket}"
""",
        encoding="utf-8",
    )
    return [str(_cache() / TELEGRAF / "telegraf"), "--config", str(config)]


# --- Node-RED ------------------------------------------------------------------------------------------------------

_POINTS: Final = """
const found = [];
for (const one of msg.payload.readings) {
    const fields = {id: one.id};
    for (const name in one.values) { fields[name] = one.values[name].value; }
    found.push({measurement: 'reading', fields, tags: {kind: one.kind, sensor: one.sensor},
                timestamp: new Date(one.effective_time)});
}
"""
_SINGLY: Final = _POINTS + "return [found.map(payload => ({payload: [payload]}))];"
_JOINED: Final = _POINTS + "return [found.map(payload => ({payload}))];"


def _node_red_singly(target: Target) -> list[str]:
    return _node_red(target, _SINGLY, joined=False)


def _node_red_joined(target: Target) -> list[str]:
    return _node_red(target, _JOINED, joined=True)


def _node_red(target: Target, function: str, *, joined: bool) -> list[str]:
    home = _cache() / NODE_RED
    (target.folder / "settings.js").write_text(
        "module.exports = {uiPort: 0, uiHost: '127.0.0.1', httpRoot: false, disableEditor: true, "
        "credentialSecret: false, flowFile: 'flows.json', telemetry: {enabled: false}, "
        "logging: {console: {level: 'error'}}};\n",
        encoding="utf-8",
    )
    (target.folder / "flows.json").write_text(json.dumps(_flow(target, function, joined=joined)), encoding="utf-8")
    (target.folder / "flows_cred.json").write_text(json.dumps({"store": {"token": TOKEN}}), encoding="utf-8")
    words = ("--settings", str(target.folder / "settings.js"), "--userDir", str(target.folder))
    return [str(which("node")), str(home / "node_modules" / "node-red" / "red.js"), *words]


def _flow(target: Target, function: str, *, joined: bool) -> list[dict[str, Any]]:
    after = "join" if joined else "write"
    nodes: list[dict[str, Any]] = [
        {"id": "tab", "type": "tab", "label": "readings"},
        {
            "id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(target.broker_port),
            "clientid": "node-red", "protocolVersion": "5", "keepalive": "60", "cleansession": False,
            "sessionExpiry": "3600", "autoConnect": True,
        },
        {
            "id": "store", "type": "influxdb", "influxdbVersion": "2.0", "url": target.influxdb, "timeout": "10",
            "rejectUnauthorized": True,
        },
        {
            "id": "in", "z": "tab", "type": "mqtt in", "topic": topics.ALL_READINGS, "qos": "1", "datatype": "json",
            "broker": "broker", "inputs": 0, "wires": [["points"]],
        },
        {"id": "points", "z": "tab", "type": "function", "func": function, "outputs": 1, "wires": [[after]]},
        {
            "id": "write", "z": "tab", "type": "influxdb batch", "influxdb": "store", "org": ORGANISATION,
            "bucket": target.bucket, "precisionV18FluxV20": "ms", "wires": [],
        },
    ]  # fmt: skip
    if joined:
        nodes.append(
            {
                "id": "join", "z": "tab", "type": "join", "mode": "custom", "build": "array", "property": "payload",
                "propertyType": "msg", "count": str(JOINED), "timeout": _JOIN_S, "joiner": "", "wires": [["write"]],
            }
        )  # fmt: skip
    # What has no place on the editor's canvas is taken for configuration.
    return [{**node, "x": 100 * place, "y": 100} if "z" in node else node for place, node in enumerate(nodes, 1)]
