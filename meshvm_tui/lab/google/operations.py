"""Long-running operations of Compute Engine: they take time, tell their progress, can fail, and outlive a restart.

What an operation does is kept with it as data (`change`), so that one that was under way when the lab went down is
carried out at the next start, as Google's would be.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from meshvm_tui.lab.google import catalogue
from meshvm_tui.lab.google.catalogue import PROJECT
from meshvm_tui.lab.google.errors import GoogleError, not_found
from meshvm_tui.lab.google.lists import page
from meshvm_tui.lab.google.routes import Call, Route, compute
from meshvm_tui.lab.google.state import Cloud

JSON = dict[str, Any]
SHORTEST, LONGEST = 0.05, 0.4  # seconds that an operation takes
WAIT_SECONDS = 0.2  # Google's wait returns after two minutes at the latest, done or not; here sooner
_OWN = ("_change", "_effect", "_request")  # what an operation's record holds beside what is told


def _nothing(change: JSON) -> None:
    """For effects without this part."""


async def _no_work(change: JSON) -> None:
    """For effects without this part."""


@dataclass(frozen=True)
class Effect:
    """What an operation does: `begin` when it starts to run, `work` on the way, `finish` when it succeeds, `undo` when
    it fails, and `after` once it is done. `fails` gives the error of an operation that cannot succeed, or None.

    begin, finish, undo and fails are called with the world locked, and it is saved after them."""

    finish: Callable[[JSON], None]
    begin: Callable[[JSON], None] = _nothing
    work: Callable[[JSON], Awaitable[None]] = _no_work
    undo: Callable[[JSON], None] = _nothing
    after: Callable[[JSON], Awaitable[None]] = _no_work
    fails: Callable[[JSON], JSON | None] = lambda change: None


class Operations:
    """Starts operations, carries them out, and answers for them."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._effects: dict[str, Effect] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._done: dict[str, asyncio.Event] = {}

    def register(self, name: str, effect: Effect) -> None:
        """Names what operations may do."""
        self._effects[name] = effect

    def start(self, call: Call, kind: str, effect: str, change: JSON, *, target: tuple[str, str]) -> JSON:
        """A new operation on `target` (a path such as projects/p/zones/z/instances/i, and an id); gives what is told
        of it."""
        made = self._record(call, kind, *target)
        made |= {"_effect": effect, "_change": change}
        self._cloud.data["operations"][made["name"]] = made
        request = call.query.get("requestId")
        if request:
            self._cloud.data["requests"][request] = {"operation": made["name"], "path": call.path}
        self._cloud.save()
        self._run(made["name"])
        return told(made)

    def replayed(self, call: Call) -> JSON | None:
        """The operation of a request that was carried out before, by its requestId; None for a new one."""
        known = self._cloud.data["requests"].get(call.query.get("requestId", ""))
        if known is None:
            return None
        if known["path"] != call.path:
            words = f"The request ID '{call.query['requestId']}' was used for another request already."
            raise GoogleError(400, words, "invalid")
        return told(self._cloud.data["operations"][known["operation"]])

    def busy(self, target: str, kind: str) -> bool:
        """Whether an operation of that kind on that target is under way."""
        wanted = catalogue.link(target)
        held = self._cloud.data["operations"].values()
        return any(one["targetLink"] == wanted and one["operationType"] == kind for one in held if not _is_done(one))

    def resume(self) -> None:
        """Goes on with what was under way when the lab went down."""
        for name, record in self._cloud.data["operations"].items():
            if not _is_done(record):
                self._run(name)

    async def stop(self) -> None:
        """Ends the work on operations; they stay as they are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def routes(self) -> list[Route]:
        """The methods of zoneOperations and globalOperations."""
        return [
            compute(verb, f"{scope}/operations{end}", f"{name}.{method}", answer, permission)
            for scope, name, permission in (
                ("zones/{zone}", "zoneOperations", "compute.zoneOperations.get"),
                ("global", "globalOperations", "compute.globalOperations.get"),
            )
            for verb, end, method, answer in (
                ("GET", "/{operation}", "get", self._get),
                ("POST", "/{operation}/wait", "wait", self._wait),
                ("GET", "", "list", self._list),
            )
        ]

    def _record(self, call: Call, kind: str, target: str, target_id: str) -> JSON:
        now = self._cloud.timestamp()
        number = self._cloud.fresh_id()
        name = f"operation-{int(self._cloud.clock.now() * 1000)}-{int(number):016x}-{secrets.token_hex(4)}"
        scope = f"zones/{call.zone}" if call.zone else "global"
        made: JSON = {
            "kind": "compute#operation",
            "id": number,
            "name": name,
            "operationType": kind,
            "targetLink": catalogue.link(target),
            "targetId": target_id,
            "status": "PENDING",
            "user": call.email,
            "progress": 0,
            "insertTime": now,
            "selfLink": catalogue.link(f"projects/{PROJECT}/{scope}/operations/{name}"),
        }
        if call.zone:
            made["zone"] = catalogue.link(f"projects/{PROJECT}/zones/{call.zone}")
        if call.query.get("requestId"):
            made["clientOperationId"] = call.query["requestId"]
        return made

    def _run(self, name: str) -> None:
        self._done[name] = asyncio.Event()
        task = asyncio.create_task(self._carry_out(name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, name: str) -> None:
        record = self._cloud.data["operations"][name]
        effect, change = self._effects[record["_effect"]], record["_change"]
        takes = random.Random(f"{self._cloud.seed}/{record['id']}").uniform(SHORTEST, LONGEST)
        await asyncio.sleep(takes / 4)
        with self._cloud.lock:
            error = self._failure() or effect.fails(change)
            effect.begin(change)
            record |= {"status": "RUNNING", "startTime": self._cloud.timestamp(), "progress": 10}
            self._cloud.save()
        await asyncio.sleep(takes / 2)
        record["progress"] = 60
        if error is None:
            error = await _worked(effect, change)
        await asyncio.sleep(takes / 4)
        with self._cloud.lock:
            record |= {"status": "DONE", "endTime": self._cloud.timestamp(), "progress": 100}
            if error is None:
                effect.finish(change)
            else:
                record |= error
                effect.undo(change)
            self._cloud.save()
        self._done[name].set()
        if error is None:
            await effect.after(change)

    def _failure(self) -> JSON | None:
        faults = self._cloud.faults
        if not faults.active("google-operation-fails"):
            return None
        words = faults.value("google-operation-fails") or "Internal error. Please try again or contact Google Support."
        return failure("INTERNAL_ERROR", words, 500, "INTERNAL SERVER ERROR")

    def _find(self, call: Call) -> JSON:
        found: JSON | None = self._cloud.data["operations"].get(call.values["operation"])
        # One of a zone is not known to another zone, nor globally.
        if found is None or found.get("zone", "").rpartition("/")[2] != call.zone:
            raise not_found(call.resource.removesuffix("/wait"))
        return found

    def _get(self, call: Call) -> JSON:
        return told(self._find(call))

    async def _wait(self, call: Call) -> JSON:
        record = self._find(call)
        if not _is_done(record):
            with contextlib.suppress(TimeoutError):  # an answer before it is done is what a caller must live with
                await asyncio.wait_for(self._done[record["name"]].wait(), WAIT_SECONDS)
        return told(record)

    def _list(self, call: Call) -> JSON:
        held = self._cloud.data["operations"].values()
        records = [told(one) for one in held if one.get("zone", "").rpartition("/")[2] == call.zone]
        items, following = page(records, call.query)
        answer = {"kind": "compute#operationList", "id": call.resource, "items": items}
        return (
            answer | ({"nextPageToken": following} if following else {}) | {"selfLink": catalogue.link(call.resource)}
        )


async def _worked(effect: Effect, change: JSON) -> JSON | None:
    """Does the work; the operation's error where the lab itself cannot."""
    try:
        await effect.work(change)
    except Exception as error:  # noqa: BLE001  it is to be seen in the operation, not to leave it forever running
        return failure("INTERNAL_ERROR", f"The lab could not do it: {error}", 500, "INTERNAL SERVER ERROR")
    return None


def told(record: JSON) -> JSON:
    """What clients see of an operation."""
    return {key: value for key, value in record.items() if key not in _OWN}


def failure(code: str, words: str, status: int, message: str, details: list[JSON] | None = None) -> JSON:
    """The fields of an operation that failed."""
    error: JSON = {"code": code, "message": words}
    if details:
        error["errorDetails"] = details
    return {"error": {"errors": [error]}, "httpErrorStatusCode": status, "httpErrorMessage": message}


def _is_done(record: JSON) -> bool:
    return bool(record["status"] == "DONE")
