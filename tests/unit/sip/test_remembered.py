# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read before is remembered, within bounds, and errors are not."""

from __future__ import annotations

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.remembered import remembered


def test_a_value_is_read_once_until_there_are_too_many() -> None:
    asked: list[int] = []

    @remembered(3)
    def read(value: int) -> int:
        asked.append(value)
        return value * 2

    assert [read(value) for value in (1, 2, 3, 1, 2, 3)] == [2, 4, 6, 2, 4, 6]
    assert asked == [1, 2, 3]
    # The fourth does not fit: all are forgotten but it.
    assert [read(value) for value in (4, 4, 1)] == [8, 8, 2]
    assert asked == [1, 2, 3, 4, 1]


def test_memory_is_bounded() -> None:
    read = remembered(10)(str)
    for value in range(1000):
        assert read(value) == str(value)
        assert len(read.__self__) <= 10  # type: ignore[attr-defined]


def test_an_error_comes_each_time() -> None:
    @remembered(10)
    def read(text: str) -> int:
        return int(text)

    for _time in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            read("x")
