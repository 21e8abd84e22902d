# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state that each router ends in when handovers are carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError

Records = Iterable[Mapping[str, Any]]


def router_states(
    handovers: Records,
    topology: Mapping[str, Mapping[str, Any]],
    current: Mapping[str, Records] | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """What each router holds in the end, by router name. A handover that must be refused is an error here."""
    # Here, because Ansible loads every filter of a collection, anew for each task that asks for one of them.
    from ansible_collections.sipmobility.handover.plugins.plugin_utils.plan_records import (
        plan_from_records,
        states_to_record,
        topology_from_record,
    )

    try:
        planned = plan_from_records(handovers, topology_from_record(topology), current)
    except HandoverError as error:
        raise AnsibleFilterError(f"sipmobility.handover.router_states: {error}") from error
    if planned.refused:
        raise AnsibleFilterError(f"sipmobility.handover.router_states: {planned.refused[0].reason}")
    return states_to_record(planned.targets)


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"router_states": router_states}
