# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What followed from events lasts until it is done, whatever is lost between two writes; and who waits for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.agent.service.settling import Settling
from ansible_collections.sipmobility.handover.agent.stream.followed import Followed
from ansible_collections.sipmobility.handover.agent.stream.partitions import Partitions


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "followed.sqlite")


def test_what_followed_outlives_the_service_until_it_is_done(path: str) -> None:
    first = Followed(path, "stream")
    first.note(1, 0, [])
    first.note(2, 3, [{"id": "a"}])
    first.note(3, 3, [{"id": "b"}])
    first.note(4, 5, [{"id": "c"}])
    first.keep()
    # It is killed here: the history may have taken the events, or not; they are judged once more.
    second = Followed(path, "stream")
    assert (second.judged, second.records(2)) == (0, ())
    first.reached()
    first.close()

    third = Followed(path, "stream")
    assert (third.judged, third.records(2), third.records(1)) == (4, [{"id": "a"}], ())
    third.note(4, 5, [])  # the history knew it
    assert third.records(4) == [{"id": "c"}]
    third.done_to(3, 2)
    third.done(4)
    third.keep()
    third.reached()
    third.close()

    last = Followed(path, "stream")
    assert [last.records(number) for number in (2, 3, 4)] == [(), [{"id": "b"}], ()]
    last.close()
    assert Followed(path, "another stream").judged == 0


def test_settled_is_what_is_not_wanted_anew() -> None:
    settling = Settling()
    both, one = settling.expect(["a", "b"]), settling.expect(["a"])
    settling.settled(["a"], queue=["a"])
    assert (both.left, one.left) == ({"a", "b"}, {"a"})
    settling.settled(["a", "c"], queue=[])
    assert (both.left, one.left) == ({"b"}, set())
    settling.forget(both)
    settling.settled(["b"], queue=[])
    assert both.left == {"b"}
    assert settling.expect([]).left == set()


def test_all_of_a_user_are_in_one_partition() -> None:
    partitions = Partitions("stream", 16)
    assert partitions.of("sip:alice@one.example") == partitions.of("alice") == partitions.of("sips:alice@[2001:db8::1]")
    assert {partitions.of(f"sip:user{number}@a") for number in range(200)} == set(partitions.all)
    assert partitions.numbered(partitions.subject(7)) == 7
