"""Tell the service manager how the server is doing (sd_notify(3)); nothing where none asks.

The address of its socket is in ``NOTIFY_SOCKET``. ``Type=notify`` waits for READY, ``WatchdogSec=`` for WATCHDOG again and
again.
"""

import os
import socket
from contextlib import suppress


def notify(state: str) -> None:
    """Send a state, as ``READY=1``. A service manager that cannot be told must not stop the server."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
        link.setblocking(False)
        link.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)


def watchdog_seconds() -> float | None:
    """Return how often this process must show that it is alive: half of what the service manager waits. None if never."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None  # sd_watchdog_enabled(3): another process was meant
    try:
        return int(os.environ["WATCHDOG_USEC"]) / 2_000_000
    except (KeyError, ValueError):
        return None
