# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of the service from outside: one line of JSON for each thing that happens, and counters."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.handover import Handover
from ...plugins.module_utils.mobility.records import handover_to_record
from ...plugins.module_utils.mobility.step import Step
from ...plugins.module_utils.planning import Planned
from .known_router import Applied
from .timelines import Moment, Timelines

__all__ = ["JsonLines", "Report"]

_LOG = logging.getLogger("sip_handover")
#: Seconds, from a loopback router to one that had to be read over a slow line.
_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_REFUSALS = 50
_ENCODER = json.JSONEncoder(default=str)
_PARTS = ("waited", "planned", "programmed", "all")


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        told = {"time": round(record.created, 3), "level": record.levelname.lower(), "event": record.getMessage()}
        told.update(getattr(record, "told", {}))
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return _ENCODER.encode(told)


class Report:
    """Tells, counts, and remembers the last refusals."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.refusals: deque[dict[str, Any]] = deque(maxlen=_REFUSALS)
        self.timelines = Timelines()
        mine = self.registry
        self._events = Counter("sip_handover_events", "Registrations and the like, by input", ["input"], registry=mine)
        self._refused = Counter("sip_handover_refusals", "Not believed or not made, by code", ["code"], registry=mine)
        self._handovers = Counter("sip_handover_handovers", "Carried out, by what they were", ["kind"], registry=mine)
        self._undone = Counter("sip_handover_undone", "Plans that were taken back", registry=mine)
        self._drift = Counter("sip_handover_drift", "Routers that held something else", ["router"], registry=mine)
        self._stages = Histogram(
            "sip_handover_seconds", "Time of a handover, by part", ["part"], buckets=_BUCKETS, registry=mine
        )
        # A burst counts thousands: whom each is counted for is not looked up anew.
        self._parts = [self._stages.labels(part) for part in _PARTS]
        self._kinds = {kind: self._handovers.labels(kind) for kind in ("programmed", "ended")}
        self._steps = Histogram(
            "sip_handover_step_seconds", "Time of a step", ["router"], buckets=_BUCKETS, registry=mine
        )
        self._reads = Counter("sip_handover_step_reads", "Steps for which a router was read", ["router"], registry=mine)
        self._queue = Gauge("sip_handover_queue", "Handovers that wait to be begun", registry=mine)
        self._retiring = Gauge("sip_handover_retiring", "Handovers whose last decoders still go", registry=mine)
        self._partitions = Gauge("sip_handover_partitions", "Partitions of the stream that are ours", registry=mine)
        self._up = Gauge("sip_handover_router_up", "Whether a router is reached", ["router"], registry=mine)
        self._held = Gauge("sip_handover_router_entries", "What a router holds for us", ["router"], registry=mine)

    def metrics(self) -> bytes:
        """In the text format of Prometheus."""
        return generate_latest(self.registry)

    def looked(self, queue: int, retiring: int, routers: Mapping[str, int | None], partitions: int = 0) -> None:
        """How things are now.

        :param routers: how many entries each holds; None for one that is gone.
        """
        self._queue.set(queue)
        self._retiring.set(retiring)
        self._partitions.set(partitions)
        for name, held in routers.items():
            self._up.labels(name).set(held is not None)
            self._held.labels(name).set(held or 0)

    def heard(self, source: str, events: int) -> None:
        """Events came."""
        self._events.labels(source).inc(events)

    def refused(self, subject: str, code: str, reason: str, *, handover: bool = False) -> None:
        """Something was not believed, or not made.

        :param handover: whether the subject is the id of a handover.
        """
        self._refused.labels(code).inc()
        told = {"subject": subject, "code": code, "reason": reason}
        self.refusals.append({"time": round(time.time(), 3), **told})
        if handover:
            self.timelines.noted([subject], f"refused: {reason}")
        _LOG.warning("refused", extra={"told": told})

    def done(
        self, handover: Handover, *, waited: float, planned: float, programmed: float, at: float, changed: bool
    ) -> None:
        """A handover was carried out.

        :param waited: seconds, as the next two.
        :param at: when the last router acknowledged, Unix seconds.
        """
        kind = "ended" if handover.over else "programmed"
        total = waited + planned + programmed
        if changed:
            self._kinds[kind].inc()
            for part, value in zip(self._parts, (waited, planned, programmed, total), strict=True):
                part.observe(value)
            self.timelines.note([handover.id], Moment(at, f"{kind}, all routers acknowledged", total))
        record = handover_to_record(handover)
        told = {
            "handover": handover.id,
            "kind": kind if changed else "unchanged",
            **{key: record[key] for key in ("aor", "old", "new", "expires", "epoch", "scope", "directions")},
            "flows": handover.flows,
            "acknowledged": round(at, 4),
            "waited_ms": round(waited * 1000, 2),
            "planned_ms": round(planned * 1000, 2),
            "programmed_ms": round(programmed * 1000, 2),
            "total_ms": round(total * 1000, 2),
        }
        _LOG.info("handover", extra={"told": told})

    def step(self, step: Step, seconds: float, applied: Applied) -> None:
        """A step was acknowledged."""
        self._steps.labels(step.router).observe(seconds)
        if applied.read:
            self._reads.labels(step.router).inc()
        if applied.changed:
            handovers = {entry.stamp.handover for entry in (*step.before, *step.after)}
            read = ", read in full" if applied.read else ""
            self.timelines.noted(handovers, f"{step.id} acknowledged{read}", seconds)
        told = {"step": step.id, "ms": round(seconds * 1000, 2), "changed": applied.changed, "read": applied.read}
        _LOG.debug("step", extra={"told": told})

    def taken_back(self, planned: Planned, reasons: str, left: Mapping[str, str]) -> None:
        """A plan failed and was taken back, but for what is left."""
        self._undone.inc()
        self.timelines.noted([one.id for one in planned.handovers], f"taken back: {reasons}")
        told = {"handovers": [one.id for one in planned.handovers], "reason": reasons, "not_undone": dict(left)}
        _LOG.error("taken back", extra={"told": told})

    def not_retired(self, router: str, error: HandoverError) -> None:
        """What should go is still there."""
        _LOG.warning("not retired", extra={"told": {"router": router, "code": error.code, "reason": str(error)}})

    def dry(self, planned: Planned) -> None:
        """What would be done."""
        for handover in planned.handovers:
            steps = [step.id for stage in planned.stages for step in stage.steps]
            _LOG.info("dry run", extra={"told": {"handover": handover.id, "steps": steps}})

    def drifted(self, router: str) -> None:
        """A router holds something else than was known."""
        self._drift.labels(router).inc()
        _LOG.warning("drift", extra={"told": {"router": router}})

    def told(self, event: str, **what: Any) -> None:
        """Anything else."""
        _LOG.info(event, extra={"told": what})
