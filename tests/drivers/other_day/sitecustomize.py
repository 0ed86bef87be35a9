"""Let Python's threads wait on the other day of ``make test AT=…``.

faketime also sets the monotonic clock, but the kernel measures a thread's wait with the real one: two seconds would last
until the other day. So a wait with a timeout polls here.
"""

import threading
import time

PAUSE = 0.005
_wait, _join = threading.Condition.wait, threading.Thread.join


def _wait_by_looking(self: threading.Condition, timeout: float | None = None) -> bool:
    if timeout is None:
        return _wait(self)
    waiter = threading.Lock()
    waiter.acquire()
    self._waiters.append(waiter)
    state = self._release_save()
    try:
        ends = time.monotonic() + timeout
        while not (woken := waiter.acquire(blocking=False)) and time.monotonic() < ends:
            time.sleep(PAUSE)
    finally:
        self._acquire_restore(state)
    if not woken and waiter in self._waiters:
        self._waiters.remove(waiter)
    return woken


def _join_by_looking(self: threading.Thread, timeout: float | None = None) -> None:
    if timeout is None:
        return _join(self)
    ends = time.monotonic() + timeout
    while self.is_alive() and time.monotonic() < ends:
        time.sleep(PAUSE)
    return None


threading.Condition.wait = _wait_by_looking
threading.Thread.join = _join_by_looking
