# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operator's own playbook, own directory and own template, with our role: text for a pipeline that is not ours."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import same_state
from lab import Lab

from .operator import ROOT, Routers, handover, leftovers, playbook_at

PLAYBOOK = """
- name: Text for the change board
  hosts: first_hop_routers
  gather_facts: false
  tasks:
    - name: Render what the routers will be given
      ansible.builtin.include_role:
        name: sipmobility.handover.first_hop_router
      vars:
        first_hop_router_render_only: true
        first_hop_router_render_dir: "{{ out }}"
        first_hop_router_template_dir: "{{ templates }}"
        first_hop_router_handovers: "{{ moves }}"
"""
HEADER = "# change 4711, approved\n"


@pytest.fixture
def rendered(at_home: Lab, routers: Routers, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """What the operator's playbook wrote, from routers that it never reached, and the handover it is for."""
    mn, new, cn = (at_home.topology.address(*who).v4.ip for who in (("mn",), ("mn", "b"), ("cn",)))
    record = handover_to_record(handover(mn, new, [Session("tcp", 40000, cn, 7101)]))
    templates, out, inventory = tmp_path / "templates", tmp_path / "out", tmp_path / "inventory.yml"
    (templates / "nftables").mkdir(parents=True)
    ours = (ROOT / "templates" / "nftables" / "step.sh.j2").read_text()
    (templates / "nftables" / "step.sh.j2").write_text(HEADER + ours)
    book = tmp_path / "board.yml"
    book.write_text(PLAYBOOK)
    # Nobody listens there: rendering must not even try.
    inventory.write_text("lab_nodes: {vars: {ansible_port: 9}}\n")
    variables = {"out": str(out), "templates": str(templates), "moves": [record]}
    done = playbook_at(book, variables, "-i", str(inventory), cwd=tmp_path)
    assert done.status == 0, done.output
    return out, record


def test_the_text_is_complete_carries_the_operators_template_and_reached_no_router(
    rendered: tuple[Path, dict[str, Any]], prepared: Lab
) -> None:
    out, _ = rendered
    assert leftovers(prepared) == {}
    names = {router: sorted(path.name for path in (out / router).glob("*.sh")) for router in ("ra", "rb", "rc", "rd")}
    assert names == {
        "ra": [],
        "rb": [
            "01-decode.sh",
            "02-encode.sh",
            "withdraw-01-decode.sh",
            "withdraw-02-encode.sh",
            "withdraw-03-retire.sh",
        ],
        "rc": [
            "01-decode.sh",
            "02-encode.sh",
            "withdraw-01-decode.sh",
            "withdraw-02-encode.sh",
            "withdraw-03-retire.sh",
        ],
        "rd": [],
    }
    for path in out.glob("r?/*.sh"):
        assert path.read_text().startswith(HEADER), path
    assert {path.name for path in (out / "rb" / "files").iterdir()} >= {"50-sipmobility.nft", "restore", "save"}


def test_the_pipelines_own_transport_programs_and_withdraws_with_it(
    rendered: tuple[Path, dict[str, Any]], prepared: Lab, routers: Routers
) -> None:
    out, record = rendered
    wanted = routers.plan_record(record).targets
    bring(prepared, out, "[0-9]*.sh")
    held = routers.states()
    assert all(same_state(held[name], wanted[name]) for name in held)
    bring(prepared, out, "withdraw-*.sh")
    assert leftovers(prepared) == {}


def bring(lab: Lab, out: Path, pattern: str) -> None:
    """Phase by phase on all routers, as the role's README asks."""
    for name in sorted({path.name for path in out.glob(f"r?/{pattern}")}):
        if "retire" in name:
            time.sleep(2)
        for path in sorted(out.glob(f"r?/{name}")):
            lab.run(path.parent.name, ["sh", "-s"], text=path.read_text())
