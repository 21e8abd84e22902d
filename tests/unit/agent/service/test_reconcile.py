# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned anew when ledger and routers are brought together."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.sipmobility.handover.agent.service.reconcile import owing
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.placing import GRACE
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import address

from ...mobility.worlds import TOPOLOGY

_ENDS = 2_000_000_000
_PLAIN = Topology(
    replace(router, platform="ietf_netconf_plain" if router.name == "rb" else "nftables")
    for router in TOPOLOGY.routers.values()
)


def test_what_a_router_does_not_forget_is_ended_when_its_time_is_over() -> None:
    """It was a playbook's, so that the ledger knows nothing of it."""
    session = Session("tcp", 40000, address("3.3.3.3"), 7000)
    handover = Handover("one", address("1.1.1.1"), address("2.2.2.2"), _ENDS, sessions=(session,))
    states = make_plan([handover], _PLAIN, {}).targets
    assert any(len(state) for state in states.values())
    assert owing([], states, _PLAIN, Goal.DONE, _ENDS - 1) == []
    (record,) = owing([], states, _PLAIN, Goal.DONE, _ENDS + GRACE + 1)
    assert (record["id"], record["ended"]) == ("one", True)
