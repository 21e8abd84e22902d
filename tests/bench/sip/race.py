# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of REGISTERs side by side: messages a second on the same 5,000, and beside it what each accepts and refuses.

Runs in the environment of the peers. Rounds are interleaved, so that what else the machine does touches all alike.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address

from tests.bench.sip.cases import CASES, verdict
from tests.bench.sip.readers import Facts, Reader, readers
from tests.bench.sip.registers import Register, registers
from tests.unit.sip.torture import INVALID, IPV6_INVALID, IPV6_VALID, VALID

_ROUNDS = 7

_MEANING = """\
A reader gives what admission needs of a REGISTER: Call-ID, CSeq, old addresses and contacts as address objects, address
of record, expiry, and the user whom the credentials name.
  msg/s     on all {count} messages; one that refuses early is quick at that, so
  right     counts those whose facts it reads as they are stated, and
  there, ours there, ratio   are messages a second on those alone: its own, ours, and how many times as fast we are
  ok/miss/unsafe   of {cases} messages: right; a valid one refused; facts taken from one that must be refused, or other
            facts than it states
  4475+ 4475-   of {valid} valid messages (RFC 4475 section 3.1.1) read, of {invalid} invalid ones (3.1.2) refused
  5118+ 5118-   RFC 5118: of {v6} valid ones read, of {v6bad} invalid ones refused
Correct is a reader with every message right and every case ok; safe is one without unsafe.
"""


@dataclass(frozen=True)
class _Row:
    """What one reader did."""

    name: str
    speed: float
    right: int
    speed_there: float
    ours_there: float
    cases: Counter[str]
    torture: tuple[int, int, int, int]
    limit: bool

    @property
    def ratio(self) -> float:
        return self.ours_there / self.speed_there

    def correct(self, messages: int) -> bool:
        return not self.limit and self.right == messages and self.cases["ok"] == len(CASES)


def main() -> int:
    """Measure and print."""
    found = readers()
    messages = registers()
    valid = _sections(VALID, "3.1.1.")
    invalid = _sections({name: data for name, (_code, data) in INVALID.items()}, "3.1.2.")
    counts = {"valid": len(valid), "invalid": len(invalid), "v6": len(IPV6_VALID), "v6bad": len(IPV6_INVALID)}
    print(_MEANING.format(count=len(messages), cases=len(CASES), **counts))
    right = {reader.name: [one.data for one in messages if _is_right(reader, one)] for reader in found}
    everything = [message.data for message in messages]
    runs = {(reader.name, "all"): (reader, everything) for reader in found}
    runs.update({(reader.name, "right"): (reader, right[reader.name]) for reader in found})
    runs.update({(reader.name, "ours"): (found[0], right[reader.name]) for reader in found})
    speeds = _race(runs)
    rows = []
    for reader in found:
        torture = (
            sum(all(_accepts(reader, data) for data in group) for group in valid),
            sum(any(not _accepts(reader, data) for data in group) for group in invalid),
            sum(_accepts(reader, data) for data in IPV6_VALID.values()),
            sum(not _accepts(reader, data) for data in IPV6_INVALID.values()),
        )
        of = [speeds[reader.name, kind] for kind in ("all", "right", "ours")]
        cases = Counter(verdict(reader, case) for case in CASES)
        rows.append(_Row(reader.name, of[0], len(right[reader.name]), of[1], of[2], cases, torture, reader.limit))
    _print_table(rows)
    _print_ratio(rows, len(messages))
    return 0


def _race(runs: dict[tuple[str, str], tuple[Reader, list[bytes]]]) -> dict[tuple[str, str], float]:
    """Median messages a second of each run."""
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
    keys = list(runs)
    for number in range(_ROUNDS):
        print(f"bench-sip: readers, round {number + 1} of {_ROUNDS}", file=sys.stderr, flush=True)
        # Each round begins with another reader.
        for key in keys[number % len(keys) :] + keys[: number % len(keys)]:
            reader, data = runs[key]
            read = reader.read
            start = time.perf_counter()
            for message in data:
                try:
                    read(message)
                except Exception:
                    continue
            seconds[key].append(time.perf_counter() - start)
    return {key: len(runs[key][1]) / statistics.median(taken) for key, taken in seconds.items()}


def _is_right(reader: Reader, message: Register) -> bool:
    try:
        found = reader.read(message.data)
    except Exception:
        return False
    if reader.limit:
        return (found.old, found.contacts) == ((message.old,), message.contacts)
    old, contacts = (ip_address(message.old),), tuple(ip_address(host) for host in message.contacts)
    return found == Facts(message.call_id, message.cseq, old, contacts, message.aor, message.expires, message.user)


def _accepts(reader: Reader, data: bytes) -> bool:
    try:
        reader.accept(data)
    except Exception:
        return False
    return True


def _sections(messages: dict[str, bytes], prefix: str) -> list[list[bytes]]:
    """The messages of each section, which is one message in the RFC."""
    groups: dict[str, list[bytes]] = {}
    for name, data in messages.items():
        if name.startswith(prefix):
            groups.setdefault(name.split()[0], []).append(data)
    return list(groups.values())


def _print_table(rows: list[_Row]) -> None:
    print(
        f"{'reader':22}{'msg/s':>8}{'right':>7}{'there':>9}{'ours there':>12}{'ratio':>7}"
        f"{'ok/miss/unsafe':>16}{'4475+':>7}{'4475-':>7}{'5118+':>7}{'5118-':>7}"
    )
    for row in rows:
        cases = "/".join(str(row.cases[word]) for word in ("ok", "miss", "unsafe"))
        torture = "" if row.limit else "".join(f"{number:7}" for number in row.torture)
        print(
            f"{row.name:22}{row.speed:8,.0f}{row.right:7}{row.speed_there:9,.0f}{row.ours_there:12,.0f}{row.ratio:7.2f}"
            f"{cases:>16}{torture}"
        )


def _print_ratio(rows: list[_Row], messages: int) -> None:
    ours, others = rows[0], [row for row in rows[1:] if not row.limit]
    print(f"\n{ours.name} is {'correct' if ours.correct(messages) else 'NOT correct'}.")
    rivals, kind = [row for row in others if row.correct(messages)], "that is correct"
    if not rivals:
        rivals, kind = [row for row in others if not row.cases["unsafe"]], "that is safe"
    if not rivals:
        least = min(row.cases["unsafe"] for row in others)
        rivals, kind = [row for row in others if row.cases["unsafe"] == least], f"with least ({least}) unsafe"
    fastest = min(rivals, key=lambda row: row.ratio)
    print(f"The fastest other reader {kind} is {fastest.name}: we are {fastest.ratio:.2f} times as fast there.")


if __name__ == "__main__":
    sys.exit(main())
