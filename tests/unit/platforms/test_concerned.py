# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An address concerns a router at least as long as anything that needs it, whatever comes and goes."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Entry,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.concerned import (
    LASTING,
    concerned_by,
    concerned_elements,
)

from ..mobility.worlds import NEW, NOW, OLD, PEER

STAMP = Stamp("a", 1, NOW + 60)
#: Around every border: the sets' own times, and far beyond.
LIVES = st.sampled_from((1, 60, *(seconds + by for seconds in LASTING.values() for by in (-11, -10, -9, 0, 1)), 2**31))


def test_the_address_is_what_a_packet_has_before_the_rewrite() -> None:
    there, back = Selector(PEER, OLD), Selector(NEW, PEER)
    assert concerned_by(Rewrite(RewriteKind.OUTBOUND_DST, there, NEW, STAMP)) == OLD
    assert concerned_by(Rewrite(RewriteKind.INBOUND_DST, back.turned, OLD, STAMP)) == NEW
    assert concerned_by(Rewrite(RewriteKind.INBOUND_SRC, back, OLD, STAMP)) == NEW
    assert concerned_by(Rewrite(RewriteKind.OUTBOUND_SRC, there.turned, NEW, STAMP)) == OLD
    assert concerned_by(Mark(there, STAMP)) == PEER
    assert concerned_by(Route(OLD, NEW, "lan", STAMP)) is None


@given(st.lists(st.tuples(st.integers(0, 4 * 86_400), st.lists(LIVES, min_size=1, max_size=3)), max_size=8))
def test_nothing_outlives_its_address(steps: list[tuple[int, list[int]]]) -> None:
    """Steps one after the other, each with entries of one address; where none is longer than the long set's time."""
    now, ends = NOW, dict.fromkeys(LASTING, 0)
    needed = 0
    for passed, lives in steps:
        now += passed
        wanted = [life for life in lives if life <= LASTING["concerned_long"] - 10]
        put(ends, [entry(now + life) for life in wanted], now)
        needed = max([needed, *(now + life for life in wanted)])
        assert max(ends.values()) >= needed


def test_what_lasts_longer_than_any_set_brings_its_time() -> None:
    ends = dict.fromkeys(LASTING, 0)
    put(ends, [entry(NOW + 60), entry(NOW + 90 * 86_400), entry(NOW + 80 * 86_400)], NOW)
    assert ends["concerned_long"] >= NOW + 90 * 86_400


def test_each_version_has_its_own() -> None:
    six = Mark(Selector(ip_address("2001:db8::1"), ip_address("2001:db8::2")), STAMP)
    assert [(group["version"], group["keys"]) for group in concerned_elements([entry(NOW + 60), six, six], NOW)] == [
        (4, [str(OLD)]),
        (6, ["2001:db8::1"]),
    ]


def entry(expires: int) -> Entry:
    return Mark(Selector(OLD, PEER), Stamp("a", 1, expires))


def put(ends: dict[str, int], entries: Iterable[Entry], now: int) -> None:
    """As the kernel does: from now on for the whole time, whatever was there."""
    keys: set[tuple[str, str]] = set()
    for group in concerned_elements(entries, now):
        for key in group["keys"]:
            assert (group["set"], key) not in keys, "a key comes once in a transaction"
            keys.add((group["set"], key))
        ends[group["set"]] = now + (group["timeout"] or LASTING[group["set"]])
