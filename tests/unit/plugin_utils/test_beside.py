# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that another process does: its result, its errors, and its end."""

from __future__ import annotations

import os
import signal

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.plugin_utils.beside import beside


def test_it_runs_meanwhile_elsewhere_and_knows_what_was_known() -> None:
    known = ["something"]
    reading, writing = os.pipe()
    wait = beside(lambda: (os.read(reading, 4), os.getpid(), list(known)))
    known.clear()
    os.write(writing, b"word")  # were it not begun elsewhere, it would wait for this for good
    word, process, found = wait()
    assert (word, found, process == os.getpid()) == (b"word", ["something"], False)
    os.close(reading)
    os.close(writing)


def test_its_refusal_is_told() -> None:
    def refuse() -> None:
        raise HandoverError("walk_failed", "a packet", "it arrives", "Look.")

    with pytest.raises(HandoverError, match=r"walk_failed: it arrives: a packet\. Look\.") as told:
        beside(refuse)()
    assert told.value.code == "walk_failed"


@pytest.mark.parametrize("end", [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: 1 // 0])
def test_where_it_dies_that_is_told(end: object) -> None:
    with pytest.raises(HandoverError, match="work_lost"):
        beside(end)()  # type: ignore[arg-type]
