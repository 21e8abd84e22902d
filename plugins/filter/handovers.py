# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handovers from address pairs: the records that plan_handover and handover_plan take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError

_Record = Mapping[str, Any]


def handovers(
    pairs: Iterable[_Record],
    scope: str = "session",
    directions: str = "both",
    sessions: Iterable[_Record] | Mapping[str, Iterable[_Record]] = (),
    correspondents: Iterable[str] = (),
    changes: Iterable[_Record] = (),
    auto: bool = False,
    via: str = "correspondent_router",
) -> list[dict[str, Any]]:
    """See :func:`handover_records`."""
    # Here, because Ansible loads every filter of a collection, anew for each task that asks for one of them.
    from ansible_collections.sipmobility.handover.plugins.plugin_utils.handover_records import handover_records

    try:
        return handover_records(pairs, scope, directions, sessions, correspondents, changes, auto, via)
    except HandoverError as error:
        raise AnsibleFilterError(f"sipmobility.handover.handovers: {error}") from error


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"handovers": handovers}
