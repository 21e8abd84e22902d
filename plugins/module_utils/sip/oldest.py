# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The oldest of what waits, where only so much may wait."""

from __future__ import annotations

from typing import Mapping, TypeVar

__all__ = ["oldest"]

_Key = TypeVar("_Key")


def oldest(held: Mapping[_Key, object]) -> _Key:
    """The key that was put in first. There is one."""
    return next(iter(held))
