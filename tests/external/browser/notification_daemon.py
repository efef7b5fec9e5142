"""The part of a desktop that shows notifications, without a desktop.

Starts a bus of its own and answers on it as `org.freedesktop.Notifications`; a browser that is
given the bus's address shows its notifications here, and a press of one counts as a person's.

Writes one JSON object a line:
  {"event": "ready", "address": the value for DBUS_SESSION_BUS_ADDRESS}
  {"event": "shown", "id", "replaces", "app", "title", "body", "actions": [{"key", "label"}]}
  {"event": "closed", "id"}                the browser took it back
Reads one JSON object a line:
  {"press": id, "key": "default"}          the notification itself, or one of its actions
  {"dismiss": id}
Ends when its standard input does.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusSignature
from dbus_fast.service import ServiceInterface, dbus_method, dbus_signal

# No service directories: nothing on this bus but the browser and us.
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
DISMISSED_BY_THE_PERSON = 2
CLOSED_BY_A_CALL = 3

Text = Annotated[str, DBusSignature("s")]
Texts = Annotated[list[str], DBusSignature("as")]
Number = Annotated[int, DBusSignature("u")]
Signed = Annotated[int, DBusSignature("i")]
Hints = Annotated[dict[str, Any], DBusSignature("a{sv}")]
Press = Annotated[tuple[int, str], DBusSignature("us")]
Closed = Annotated[tuple[int, int], DBusSignature("uu")]
Server = Annotated[tuple[str, str, str, str], DBusSignature("ssss")]


def say(**event: Any) -> None:
    print(json.dumps(event), flush=True)


class Notifications(ServiceInterface):
    """What the desktop notifications specification asks of a server, as far as browsers use it."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.Notifications")
        self.last = 0

    @dbus_method()
    def GetCapabilities(self) -> Texts:
        return ["actions", "body", "persistence"]

    @dbus_method()
    def GetServerInformation(self) -> Server:
        return ["notification_daemon", "tests", "1", "1.2"]

    @dbus_method()
    def Notify(
        self, app: Text, replaces: Number, icon: Text, title: Text, body: Text,
        actions: Texts, hints: Hints, timeout: Signed,
    ) -> Number:
        if replaces == 0:
            self.last += 1
        number = replaces or self.last
        pairs = [{"key": k, "label": v} for k, v in zip(actions[::2], actions[1::2])]
        say(event="shown", id=number, replaces=replaces, app=app, title=title, body=body, actions=pairs)
        return number

    @dbus_method()
    def CloseNotification(self, number: Number) -> None:
        say(event="closed", id=number)
        self.NotificationClosed(number, CLOSED_BY_A_CALL)

    @dbus_signal()
    def ActionInvoked(self, number: int, key: str) -> Press:
        return [number, key]

    @dbus_signal()
    def NotificationClosed(self, number: int, reason: int) -> Closed:
        return [number, reason]


async def serve(folder: Path) -> None:
    config = folder / "bus.conf"
    config.write_text(BUS.format(folder=folder))
    daemon = await asyncio.create_subprocess_exec(
        "dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address=1",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # as root it complains about a limit that is none of ours
    )
    bus = None
    try:
        address = (await daemon.stdout.readline()).decode().strip()
        bus = await MessageBus(bus_address=address).connect()
        shown = Notifications()
        bus.export("/org/freedesktop/Notifications", shown)
        await bus.request_name("org.freedesktop.Notifications")
        say(event="ready", address=address)

        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
        )
        async for line in lines:
            asked = json.loads(line)
            if "press" in asked:
                shown.ActionInvoked(asked["press"], asked.get("key", "default"))
            shown.NotificationClosed(asked.get("press") or asked["dismiss"], DISMISSED_BY_THE_PERSON)
    finally:
        if bus is not None:
            bus.disconnect()
        daemon.terminate()
        await daemon.wait()


with tempfile.TemporaryDirectory(prefix="notifications-") as temporary:
    asyncio.run(serve(Path(temporary)))
