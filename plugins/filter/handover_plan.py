# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ordered steps that carry out handovers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError


def handover_plan(
    handovers: Iterable[Mapping[str, Any]],
    topology: Mapping[str, Mapping[str, Any]],
    current: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
) -> dict[str, Any]:
    """The plan: handovers with their epochs, those refused, and the stages with their steps."""
    # Here, because Ansible loads every filter of a collection, anew for each task that asks for one of them.
    from ansible_collections.sipmobility.handover.plugins.plugin_utils.plan_records import (
        plan_from_records,
        plan_to_record,
        topology_from_record,
    )

    try:
        return plan_to_record(plan_from_records(handovers, topology_from_record(topology), current))
    except HandoverError as error:
        raise AnsibleFilterError(f"sipmobility.handover.handover_plan: {error}") from error


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"handover_plan": handover_plan}
