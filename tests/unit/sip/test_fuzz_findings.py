# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fuzzing found once, and what every target begins with, holds without a fuzzer, too."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import FORMATS
from tests.fuzz.targets import FINDINGS, SECONDS_PER_INPUT, TARGETS, seeds


@contextmanager
def no_hang() -> Iterator[None]:
    """Fail when the block takes longer than an input may."""

    def late(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"longer than {SECONDS_PER_INPUT} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS_PER_INPUT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_findings_hold(name: str) -> None:
    tried = 0
    for data in seeds(name):
        with no_hang():
            TARGETS[name](data)
        tried += 1
    assert tried > 3


def test_every_format_is_a_target() -> None:
    assert {f"source_{name}" for name in FORMATS} <= set(TARGETS)


def test_every_finding_belongs_to_a_target() -> None:
    assert {path.name for path in FINDINGS.iterdir() if path.is_dir()} <= set(TARGETS)
