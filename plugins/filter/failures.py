# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which routers did not do a task, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def failures(hostvars: Mapping[str, Any], routers: Iterable[str], registered: str) -> dict[str, str]:
    """Reasons by router, of those whose registered result failed or that were unreachable."""
    found = {}
    for router in routers:
        result = hostvars[router].get(registered) or {}
        if result.get("failed") or result.get("unreachable"):
            reason = " ".join(str(result.get("msg") or "no reason given").split())
            found[router] = f"unreachable: {reason}" if result.get("unreachable") else reason
    return found


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"failures": failures}
