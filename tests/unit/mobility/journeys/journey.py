# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story told: every event is planned, every plan is walked through as far as it gets, and what must hold is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Directions,
    Freeze,
    Route,
    Scope,
    same,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.placing import GRACE
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import plan, undo
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase, Stage
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import OUTSIDE, Packet
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import Planned, make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.repair import make_repair

from .hosts import End, Talk
from .scenarios import Event, Story
from .timeline import Timeline, expiring, running
from .walker import Arrival, Walker
from .world import World

__all__ = ["Journey"]

_START = 1_764_000_000
_LIFETIME = 600

States = dict[str, RouterState]


class Journey:
    """One story in one world.

    :param tell: takes a line at a time, for whoever reads why a story failed.
    """

    def __init__(self, story: Story, tell: Callable[[str], object] | None = None) -> None:
        self._world = World(story)
        self._teller = tell
        self._now = _START
        self._topology = self._world.land.topology
        self._states: States = {name: RouterState() for name in (*self._topology.routers, OUTSIDE)}
        self._walker = Walker(self._topology, story.directions is Directions.BOTH)
        #: Handovers that were carried out, by id, and until when they hold.
        self._good: dict[str, int] = {}
        self._refused: set[str] = set()
        #: Those that the plan at hand was asked for, in this order.
        self._asked: list[str] = []

    def tell(self) -> None:
        """From the first event to the last; then everything ends, and nothing may be left.

        :raises AssertionError: naming packet and hops.
        """
        self._tell_who_is_there()
        for event in self._world.story.events:
            self._now += event.seconds
            self._live()
            self._event(event)
        self._now += 60
        self._live()
        for talk in list(self._world.talks.values()):
            self._world.hosts.end(talk)
        self._world.talks.clear()
        self._tell("the end of all sessions")
        self._plan(self._world.phones, Event("end", 0, 0, False, "done", 0, 0, 0))
        assert not any(self._states.values()), f"left over: {self._states}"

    def _event(self, event: Event) -> None:
        world = self._world
        self._tell(f"{event.kind} of phone{event.who % len(world.phones)}, plan {event.fate}")
        phones = world.happen(event)
        if self._teller is not None:
            self._tell("  " + ", ".join(f"{host} at {at}" for host, at in world.hosts.at.items()))
        if event.kind == "expire":
            self._expire(event)
        probes = world.probes()
        self._plan(phones, event)
        world.forget(probes)
        world.arrive()

    # Plans.

    def _plan(self, phones: list[str], event: Event) -> None:
        for identity in self._world.identities(phones):
            self._good.pop(identity, None)
        wanted = self._world.handovers(phones, self._now + _LIFETIME, self._standing())
        if not wanted:
            self._walk(running(self._states, ()), ())
            return
        planned = make_plan(wanted, self._topology, self._states)
        self._asked = [handover.id for handover in wanted]
        self._refused -= set(self._asked)
        for item in planned.refused:
            self._good.pop(item.handover.id, None)
            self._refused.add(item.handover.id)
            self._tell(f"  refused {item.handover.old} to {item.handover.new}: {item.code}")
            assert item.code != "walk_failed" or self._peer_led_away(item.handover, self._states, wanted), item.reason
        self._tell_stages(planned.stages)
        before = self._states
        if event.fate == "done":
            self._walk(running(before, planned.stages), planned.stages)
            self._reach(planned, before)
        elif event.fate == "undone":
            ran = _cut(planned.stages, event)
            back = undo(planned.stages, [step.id for stage in ran for step in stage.steps])
            self._run([*ran, *back], planned.stages)
            for name in before:
                assert same_state(before[name], self._states[name]), f"{name} is not as before"
        else:
            ran = _cut(planned.stages, event)
            if event.fate == "abandoned":
                self._run(ran, planned.stages)
                self._frozen_widely()
                self._walk(expiring(self._states, self._clocks(event)), ())
            else:
                goal = Goal.DONE if event.fate == "completed" else Goal.UNDONE
                self._repair(ran, goal)
                if all(_alike(self._states[name], state) for name, state in planned.targets.items()):
                    self._carried(planned)
        self._settled()

    def _peer_led_away(self, handover: Handover, states: Mapping[str, RouterState], asked: Iterable[Handover]) -> bool:
        """Whether a peer's address is somebody's old one, by the routers or in the same plan.

        Both ends moved, or somebody else has that address now: to a plan, who is at an old address has left it.
        """
        led = {entry.destination for state in states.values() for entry in state if isinstance(entry, Route)}
        led.update(one.old for one in asked if not one.over)
        peers = {*handover.correspondents, *(one.correspondent for one in handover.sessions)}
        return bool(peers & led) or any(
            self._world.identity(end) == handover.id and (self._world.away(peer) or peer.address in led)
            for talk in self._world.talks.values()
            for end, peer in ((talk.one, talk.other), (talk.other, talk.one))
        )

    def _run(self, stages: Sequence[Stage], planned: Sequence[Stage]) -> None:
        timeline = running(self._states, stages)
        self._walk(timeline, planned)
        self._states = dict(timeline.after)

    def _reach(self, planned: Planned, before: States) -> None:
        self._states = dict(running(before, planned.stages).after)
        for name, target in planned.targets.items():
            assert same_state(self._states[name], target), f"{name} is not as planned"
            frozen = {entry.stamp.handover for entry in target if isinstance(entry, Freeze)}
            assert not frozen & {handover.id for handover in planned.handovers}, f"{name} stays frozen"
        assert plan(planned.targets, planned.targets) == (), "a plan from the target to the target"
        # As it was asked for: what changes along is found again. Others that were cut off are repair's.
        known = {one.id: one for one in (*planned.handovers, *(item.handover for item in planned.refused))}
        again = make_plan([known[name] for name in self._asked], self._topology, self._states)
        assert again.stages == (), f"planned again: {again.stages}"
        carried = {handover.id for handover in planned.handovers}
        found = [one.reason for one in recover(self._states, self._topology, Goal.DONE) if one.handover.id in carried]
        assert not found, f"not recognised as whole: {found}"
        for handover in planned.handovers:
            _epoch_rises(handover, before, self._states)
            if handover.over:
                left = [entry for state in self._states.values() for entry in state.of(handover.id)]
                assert not left, f"left over of an ended handover: {left}"
        self._carried(planned)

    def _carried(self, planned: Planned) -> None:
        # Others change along, as the routers know them; whether that is where their phones are, is not this plan's.
        for handover in planned.handovers:
            if not handover.over and handover.id in self._asked:
                self._good[handover.id] = handover.expires + GRACE - 2

    def _frozen_widely(self) -> None:
        """With scope address a plan freezes all flows of those who change along; abandoned, they stay frozen."""
        for state in self._states.values():
            for entry in state:
                if isinstance(entry, Freeze) and entry.match.scope is Scope.ADDRESS:
                    self._good.pop(entry.stamp.handover, None)

    def _repair(self, ran: list[Stage], goal: Goal) -> None:
        held = running(self._states, ran).after
        planned, findings = make_repair(held, self._topology, goal, now=self._now)
        for finding in findings:
            self._tell(f"  found {finding.reason}")
        refused = {item.handover.id for item in planned.refused}
        for item in planned.refused:
            # Where one waits for the other's place, it may be cut off when that has been taken by the other already.
            rivals = {*refused, *self._asked} - {item.handover.id}
            if item.code == "selector_in_use" and any(rival in item.reason for rival in rivals):
                continue  # of two that were cut off twice, neither can be repaired, for the other one's sake
            if item.code == "unsupported_neighbour" and item.handover.id in self._refused:
                continue  # as the plan was refused that it is repaired beside
            # A phone that is taken back is at home for the others, too, where not every router can serve them.
            at_home = ("scope_too_wide", "correspondent_on_home_network", "unsupported_neighbour")
            assert item.code in ("walk_failed", *at_home), item.reason
            assert self._peer_led_away(item.handover, held, planned.handovers), item.reason
        self._tell("  repair:")
        self._tell_stages(planned.stages)
        self._run([*ran, *planned.stages], [*ran, *planned.stages])
        left = {finding.handover.id for finding in recover(self._states, self._topology, goal, self._now)}
        assert left <= {item.handover.id for item in planned.refused}, f"to be repaired again: {left}"

    # Time.

    def _live(self) -> None:
        self._states = {name: state.live(self._now) for name, state in self._states.items()}
        self._good = {name: expires for name, expires in self._good.items() if expires > self._now}

    def _clocks(self, event: Event) -> dict[str, int]:
        names = list(self._states)
        return {names[event.where % len(names)]: (-2, -1, 1, 2)[event.cut % 4]}

    def _expire(self, event: Event) -> None:
        """Everything expires; the story goes on somewhere in between."""
        ahead = self._clocks(event)
        self._tell(f"  everything expires; a clock is ahead: {ahead}")
        timeline = expiring(self._states, ahead)
        self._walk(timeline, ())
        ends = sorted({entry.stamp.expires for state in self._states.values() for entry in state})
        if ends:
            self._now = max(self._now, ends[event.mask % len(ends)])
            self._live()

    # What must hold.

    def _walk(self, timeline: Timeline, planned: Sequence[Stage]) -> None:
        """Walk every session's packets.

        :param planned: the whole of the plan, of which a part may run and be undone; where handovers wait for each
            other, some end before they come again.
        """
        order = list(Phase)
        phases = [order.index(stage.phase) for stage in planned]
        ends_first = phases != sorted(phases)
        for talk in self._world.talks.values():
            noticed = self._noticed(talk, timeline)
            for sender, packet in talk.ways():
                routers = self._world.routers_of(sender.host)
                for router in routers if noticed else routers[:1]:
                    for arrival in self._walker.arrivals(sender, packet, router, self._world.hosts, timeline):
                        if not noticed:
                            self._is_left_alone(talk, arrival)
                        elif self._known(arrival) not in (None, talk.name):
                            # A packet as it was sent may reach a later holder of its destination. It does so without
                            # us, too; but not from one handover to the next.
                            told = f"{talk}: a wrong address:\n{arrival}"
                            ends = (arrival.packet.source, arrival.packet.destination)
                            assert ends == (sender.seen, packet.destination), told
                            assert ends_first or not self._kept(talk, sender, packet, router, timeline, planned), told

    def _is_left_alone(self, talk: Talk, arrival: Arrival) -> None:
        assert self._known(arrival) == talk.name, f"{talk} is not delivered:\n{arrival}"
        assert not arrival.touched, f"{talk} is not left alone:\n{arrival}"

    def _known(self, arrival: Arrival) -> str | None:
        return None if arrival.host is None else self._world.hosts.shown(arrival.host, arrival.packet)

    def _noticed(self, talk: Talk, timeline: Timeline) -> bool:
        """Whether any handover may concern a talk."""
        if not self._world.narrow or self._world.away(talk.one) or self._world.away(talk.other):
            return True
        ids = {self._world.identity(end) for end in (talk.one, talk.other)}
        return any(
            entry.stamp.handover in ids for spans in timeline.spans.values() for span in spans for entry in span.state
        )

    def _kept(
        self, talk: Talk, sender: End, packet: Packet, router: str, timeline: Timeline, planned: Sequence[Stage]
    ) -> bool:
        """Whether a packet of this talk, sent through this router, is delivered before as well as after.

        Also once the whole plan is carried out, where it is undone: it may take away what led through a former router.
        Nothing is promised to whoever moved and was refused: nobody leads what he sends from his old address.
        """
        away = [self._world.identity(end) for end in (talk.one, talk.other) if self._world.away(end)]
        return self._refused.isdisjoint(away) and all(
            self._known(arrival) == talk.name
            for states in (timeline.before, timeline.after, running(timeline.before, planned).after)
            for arrival in self._walker.arrivals(sender, packet, router, self._world.hosts, running(states, ()))
        )

    def _settled(self) -> None:
        """Every live session whose handovers were carried out is delivered both ways."""
        timeline = running(self._states, ())
        for talk in self._world.talks.values():
            if not self._expected(talk):
                continue
            for sender, packet in talk.ways():
                router = self._world.hosts.behind[sender.host]
                for arrival in self._walker.arrivals(sender, packet, router, self._world.hosts, timeline):
                    assert self._known(arrival) == talk.name, f"{talk} is not delivered:\n{arrival}"

    def _expected(self, talk: Talk) -> bool:
        ends = (talk.one, talk.other)
        away = [self._world.identity(end) for end in ends if self._world.away(end)]
        if len(away) == 2:
            return False  # both ends moved
        standing = self._standing()
        if any(self._world.identity(end) in standing for end in ends if not self._world.away(end)):
            return False  # it returned, and that was not carried out
        return all(identity in self._good for identity in away) if away else self._world.narrow

    def _standing(self) -> set[str]:
        return {entry.stamp.handover for state in self._states.values() for entry in state}

    # For the reader of a failure.

    def _tell_who_is_there(self) -> None:
        if self._teller is None:
            return
        for name, router in self._topology.routers.items():
            self._tell(f"{name}: {router.platform}")
        for talk in self._world.talks.values():
            self._tell(str(talk))

    def _tell_stages(self, stages: Sequence[Stage]) -> None:
        if self._teller is None:
            return
        for stage in stages:
            for step in stage.steps:
                self._tell(f"  {step.id}" + (f" after {stage.wait} s" if stage.wait else ""))
                for sign, entries in (("-", step.before), ("+", step.after)):
                    for entry in entries:
                        self._tell(f"    {sign} {entry}")

    def _tell(self, line: str) -> None:
        if self._teller is not None:
            self._teller(line)


def _cut(stages: Sequence[Stage], event: Event) -> list[Stage]:
    """The stages that run: some of them whole, and of the next one any of its steps."""
    number = event.cut % (len(stages) + 1)
    ran = list(stages[:number])
    if number < len(stages):
        steps = tuple(step for at, step in enumerate(stages[number].steps) if event.mask >> at & 1)
        if steps:
            ran.append(replace(stages[number], steps=steps))
    return ran


def _alike(one: RouterState, other: RouterState) -> bool:
    """Whether two states are the same to a packet, and to a clock."""
    return one.entries.keys() == other.entries.keys() and all(
        same(entry, replace(other.entries[key], stamp=replace(other.entries[key].stamp, epoch=entry.stamp.epoch)))
        for key, entry in one.entries.items()
    )


def _epoch_rises(handover: Handover, before: States, after: States) -> None:
    held = {(name, entry.key): entry for name, state in before.items() for entry in state.of(handover.id)}
    now = {(name, entry.key): entry for name, state in after.items() for entry in state.of(handover.id)}
    if not held or not now or (held.keys() == now.keys() and all(same(held[key], now[key]) for key in held)):
        return
    last = max(entry.stamp.epoch for entry in held.values())
    assert min(entry.stamp.epoch for entry in now.values()) > last, f"the epoch of {handover.id} does not rise"
