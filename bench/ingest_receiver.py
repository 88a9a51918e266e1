"""``python -m bench.ingest_receiver PORT ENGINE COUNT``: an engine of the uplink that only acknowledges.

Takes groups as ingest does. Prints ``time.monotonic()`` and its processor seconds at the first message and when it has
``COUNT`` of them, as two lines of JSON.
"""

import asyncio
import json
import sys
import time

import uvloop

from hearthline_backend.ingest.worker import GROUP_MESSAGES
from hearthline_backend.uplink.address import BrokerAddress
from hearthline_backend.uplink.mqtt5_engine import Mqtt5Uplink
from hearthline_backend.uplink.paho_engine import PahoUplink
from hearthline_protocol import topics

RECEIVE_MAXIMUM = 1000
_LINGER_S = 0.005


async def receive(port: int, engine: str, count: int) -> None:
    """Until all of them have come."""
    kind = PahoUplink if engine == "paho" else Mqtt5Uplink
    uplink = kind(BrokerAddress("127.0.0.1", port), receive_maximum=RECEIVE_MAXIMUM)
    await uplink.start()
    probe = topics.readings("probe")
    got = 0
    try:
        while got < count:
            group = await uplink.messages(GROUP_MESSAGES, _LINGER_S)
            uplink.acknowledge(group)
            real = len(group) if got else sum(message.topic != probe for message in group)
            if real and not got:
                _tell()
            got += real
        _tell()
    finally:
        await uplink.close()


def _tell() -> None:
    print(json.dumps([time.monotonic(), time.process_time()]), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(receive(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
