# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One step as plain data in short: for files between the tasks of one run, where it may have thousands of entries.

Records name every value (:mod:`.records`); here an entry is a row, a stamp that several entries carry stands once, and
an address is its number, which is read in a third of the time. Reading is as strict.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Callable, Dict, Iterable, List, Mapping, Sequence

from ..errors import HandoverError
from ..reader import Reader, count, flag, interface, items, optional, owner, text
from .model import (
    Directions,
    Entry,
    Freeze,
    Mark,
    Neighbour,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
    Stamp,
    Via,
)
from .selector import Address
from .step import Phase, Step

__all__ = ["step_from_rows", "step_to_rows"]

_KINDS: Dict[object, RewriteKind] = {kind.value: kind for kind in RewriteKind}
_MATCHED: Dict[object, Callable[[Selector, Stamp], Entry]] = {"mark": Mark, "freeze": Freeze}
_DIRECTIONS: Dict[object, Directions] = {one.value: one for one in Directions}
_VIA: Dict[object, Via] = {one.value: one for one in Via}


def step_to_rows(step: Step) -> Dict[str, Any]:
    """A step as plain data."""
    stamps = _Stamps()
    return {
        "id": step.id,
        "phase": step.phase.value,
        "router": step.router,
        # In the planner's order, which is stable.
        "before": [_row(entry, stamps.number(entry.stamp)) for entry in step.before],
        "after": [_row(entry, stamps.number(entry.stamp)) for entry in step.after],
        "stamps": stamps.rows,
    }


def step_from_rows(record: Mapping[str, Any]) -> Step:
    """A step from plain data.

    :raises HandoverError: ``bad_record``, naming the row.
    """
    read = Reader(record, "step")
    stamps = [_stamp(row) for row in read.take("stamps", items)]
    step = Step(
        read.take("id", text),
        read.take("phase", Phase),
        read.take("router", text),
        tuple(_entries(read.take("before", items), stamps)),
        tuple(_entries(read.take("after", items), stamps)),
    )
    read.done()
    return step


class _Stamps:
    """The stamps of a step, each once. They outlive it: their identity names them."""

    def __init__(self) -> None:
        self.rows: List[List[object]] = []
        self._numbers: Dict[int, int] = {}

    def number(self, stamp: Stamp) -> int:
        """Where in :attr:`rows` it stands."""
        found = self._numbers.get(id(stamp))
        if found is None:
            found = self._numbers[id(stamp)] = len(self.rows)
            directions, via = stamp.directions.value, stamp.via.value
            self.rows.append([stamp.handover, stamp.epoch, stamp.expires, directions, stamp.flows, stamp.ended, via])
        return found


def _row(entry: Entry, stamp: int) -> List[object]:
    if isinstance(entry, Rewrite):
        return [entry.kind.word, *entry.match.bits, int(entry.to), stamp]
    if isinstance(entry, Route):
        version, via = entry.destination.version, None if entry.via is None else int(entry.via)
        return ["route", version, int(entry.destination), via, entry.interface, stamp]
    if isinstance(entry, Neighbour):
        return ["neighbour", entry.address.version, int(entry.address), entry.interface, stamp]
    return ["mark" if isinstance(entry, Mark) else "freeze", *entry.match.bits, stamp]


def _stamp(row: Sequence[Any]) -> Stamp:
    try:
        handover, epoch, expires, directions, flows, ended, via = row
        way = _DIRECTIONS[directions]
        return Stamp(owner(handover), count(epoch), count(expires), way, count(flows), flag(ended), _VIA[via])
    except (TypeError, ValueError, KeyError) as error:
        raise _bad(row, error) from error


def _entries(rows: Iterable[Sequence[Any]], stamps: Sequence[Stamp]) -> Iterable[Entry]:
    for row in rows:
        try:
            yield _entry(row, stamps)
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise _bad(row, error) from error


def _entry(row: Sequence[Any], stamps: Sequence[Stamp]) -> Entry:
    kind = _KINDS.get(row[0])
    if kind is not None:
        _sort, version, source, destination, protocol, port, other, to, number = row
        match = _selector(version, source, destination, protocol, port, other)
        return Rewrite(kind, match, _address(version, to), stamps[count(number)])
    sort, version, *fields, number = row
    stamp = stamps[count(number)]
    if sort == "route":
        destination, via, device = fields
        hop = None if via is None else _address(version, via)
        return Route(_address(version, destination), hop, _device(device), stamp)
    if sort == "neighbour":
        one, device = fields
        return Neighbour(_address(version, one), interface(device), stamp)
    return _MATCHED[sort](_selector(version, *fields), stamp)


def _selector(version: object, source: int, destination: int, protocol: str, port: int, other: int) -> Selector:
    one = None if source == -1 else _address(version, source)
    another = None if destination == -1 else _address(version, destination)
    if protocol == "" and port == other == 0:
        return Selector(one, another)
    return Selector(one, another, protocol, count(port), count(other))


@lru_cache(maxsize=65536)
def _address(version: object, number: object) -> Address:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError("an address is its number")
    return _FAMILIES[version](number)


_FAMILIES: Dict[object, Callable[[int], Address]] = {4: IPv4Address, 6: IPv6Address}
_device = lru_cache(maxsize=1024)(optional(interface))


def _bad(row: object, error: Exception) -> HandoverError:
    if isinstance(error, HandoverError):
        return error
    return HandoverError("bad_record", row, f"a step's entries and stamps are rows: {error}")
