"""Waiting for an operation of Compute Engine until it is DONE.

`wait` of the operations' APIs answers as soon as that is so, and after two minutes at the latest (the API's reference,
zoneOperations.wait). It is asked in another thread, so that giving up is the matter of an instant while the operation
goes on at Google; and in slices of a few seconds, after each of which it is told how far the work is.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from meshvm_tui.adapters.google_compute_calls import READ_SECONDS, as_json, call_problem, may_be_sent_again, timeout_of
from meshvm_tui.adapters.google_compute_clients import ComputeClients, library
from meshvm_tui.adapters.google_errors import problem_from_operation
from meshvm_tui.compute_ports import JSON, Operation
from meshvm_tui.problems import Cancelled, TransientError

SLICE_SECONDS = 8.0
LIMIT_SECONDS = 900.0
"""After this long it is a matter of the step whether to wait on."""
PAUSE_SECONDS = 0.5
"""Between two questions, for Google may answer early, or be busy."""
_PATIENCE_SECONDS = 20.0
_TICK_SECONDS = 0.05
_JOIN_SECONDS = 0.5
Said = Callable[[str, int | None], None]


def wait_for(clients: ComputeClients, operation: Operation, said: Said, cancelled: Callable[[], bool]) -> None:
    """Returns when it is done, and raises the Problem with which it failed. Its warnings are said without a percentage.

    Cancelled where it was given up here; TransientError MVM-817 where it is not done within LIMIT_SECONDS."""
    with clients.apart() as own:
        asking = _Asking(own, operation)
        asking.start()
        try:
            answer = _last_answer(asking, clients, said, cancelled)
        finally:
            asking.stop()
    for warning in answer.get("warnings", []):
        said(f"{warning.get('code', 'warning')}: {warning.get('message', '')}", None)
    if answer.get("error") or answer.get("httpErrorStatusCode", 0) >= 400:
        raise problem_from_operation(answer, _doing(operation, answer))


def _last_answer(asking: _Asking, clients: ComputeClients, said: Said, cancelled: Callable[[], bool]) -> JSON:
    limit = time.monotonic() + LIMIT_SECONDS
    told = None
    while True:
        if cancelled():
            raise Cancelled
        clients.refuse_when_closed()
        answer = asking.answer(_TICK_SECONDS)
        if answer is None:
            if time.monotonic() > limit:
                raise TransientError(
                    "MVM-817", f"{asking.operation.name} is not done after {LIMIT_SECONDS:.0f} seconds"
                )
            continue
        state = (str(answer.get("status", "")), answer.get("progress"))
        if state != told:
            said(*state)
            told = state
        if state[0] == "DONE":
            return answer


class _Asking:
    """A thread that asks for an operation until it is done; each answer, or what went wrong, is put into a queue."""

    def __init__(self, clients: ComputeClients, operation: Operation) -> None:
        self.operation = operation
        self._clients = clients
        self._answers: queue.SimpleQueue[JSON | Exception] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"wait-{operation.name}", daemon=True)

    def start(self) -> None:
        """Begins to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the call under way; the thread ends with it."""
        self._stopped.set()
        self._clients.close()
        self._thread.join(_JOIN_SECONDS)

    def answer(self, seconds: float) -> JSON | None:
        """The next answer, or None where none came in that time. Raises what went wrong as a Problem."""
        try:
            found = self._answers.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(found, Exception):
            raise call_problem(found, _doing(self.operation, {})) from None
        return found

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                began = time.monotonic()
                answer = self._ask()
                self._answers.put(answer)
                if answer.get("status") == "DONE":
                    return
                self._stopped.wait(max(0.0, PAUSE_SECONDS - (time.monotonic() - began)))
        except Exception as error:  # noqa: BLE001  told by the thread that waits
            self._answers.put(error)

    def _ask(self) -> JSON:
        """One answer: that of `wait`, or where none came within the slice, that of `get`."""
        from requests.exceptions import ReadTimeout

        until = time.monotonic() + _PATIENCE_SECONDS
        method, seconds = "wait", SLICE_SECONDS
        while True:
            try:
                return self._once(method, seconds)
            except ReadTimeout:
                if method == "get":
                    raise
                method, seconds = "get", READ_SECONDS
            except Exception as error:
                if time.monotonic() > until or not may_be_sent_again(error, mutating=False):
                    raise
                self._stopped.wait(PAUSE_SECONDS)

    def _once(self, method: str, seconds: float) -> JSON:
        scope = "Zone" if self.operation.zone else "Global"
        request = getattr(library(), f"{method.capitalize()}{scope}OperationRequest")
        place = {"zone": self.operation.zone} if self.operation.zone else {}
        answer = getattr(self._clients.get(f"{scope}Operations"), method)(
            request=request(project=self.operation.project, operation=self.operation.name, **place),
            retry=None,
            timeout=timeout_of(seconds),
        )
        return as_json(answer)


def _doing(operation: Operation, answer: JSON) -> str:
    """What a problem says was done, such as `insert vm-1 in us-central1-a`."""
    target = str(answer.get("targetLink", "")).rpartition("/")[2] or operation.name
    return f"{answer.get('operationType', 'operation')} {target} in {operation.zone or operation.project}"
