# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as they are written for people, and read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.reader import time_from_text, time_to_text


@given(st.integers(0, 2**37 - 1))
def test_a_time_is_read_as_it_was_written(seconds: int) -> None:
    assert time_from_text(time_to_text(seconds)) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-27T10:00:00",
        "2026-11-27T10:00:00+00:00",
        "2026-11-27T10:00:00.5Z",
        "2026-11-27 10:00:00Z",
        "2026-1-27T10:00:00Z",
        "2026-13-27T10:00:00Z",
        "2026-11-27T10:00:60Z",
        "1969-12-31T23:59:59Z",
        "٢٠٢٦-11-27T10:00:00Z",
        "",
    ],
)
def test_what_is_not_so_written_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"YYYY|must be in|between|out of range"):
        time_from_text(text)
