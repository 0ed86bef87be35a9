"""Run something several times at the same time."""

import threading
from collections.abc import Callable, Iterable
from typing import TypeVarTuple, Unpack

Arguments = TypeVarTuple("Arguments")


def run_together(work: Callable[[Unpack[Arguments]], None], calls: Iterable[tuple[*Arguments]]) -> None:
    """Call ``work`` with each of these arguments, in threads of their own. When all have ended, raises the first error."""
    errors: list[Exception] = []

    def _run(arguments: tuple[*Arguments]) -> None:
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001 — raised below, by the thread that can end the run
            errors.append(error)

    threads = [threading.Thread(target=_run, args=(arguments,)) for arguments in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
