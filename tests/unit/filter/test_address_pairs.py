# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters address_pairs and handovers: what a playbook may plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.sipmobility.handover.plugins.filter.address_pairs import address_pairs
from ansible_collections.sipmobility.handover.plugins.filter.handovers import handovers
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.report import report_to_record

from ..mobility.test_admission import judged, pair
from ..sip.messages import NOW, line, register

A, B, D = "1.1.1.20", "2.2.2.20", "2.2.2.40"
POLICY = {"managed_networks": {"location-101": ["1.1.1.0/24"], "location-102": ["2.2.2.0/24"]}}
ROOT = Path(__file__).resolve().parents[3]


def told(pairs: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(found["old"], found["new"]) for found in pairs]


def test_of_a_result_those_that_hold() -> None:
    result = report_to_record(judged(pair(A, B, cseq=1) + pair(A, D, cseq=2) + line(cseq=1)))
    assert told(address_pairs(result)) == [(A, D)]
    assert told(address_pairs(result["address_pairs"])) == [(A, D)]
    assert told(address_pairs(result, only_current=False)) == [(A, B), (A, D)]
    assert address_pairs({"skipped": True}) == []


def test_what_was_not_admitted_is_left_out() -> None:
    assert address_pairs(report_to_record(judged(line(), None))) == []


def test_of_a_text_with_a_policy_those_that_it_admits() -> None:
    text = (line() + line(cseq=9999, tag=[D])).decode()
    assert told(address_pairs(text, policy=POLICY, now=NOW)) == [(A, B)]
    live = [{"old": A, "new": D, "expires": NOW + 60, "aor": "sip:bob@example.com"}]
    assert address_pairs(text, policy=POLICY, now=NOW, live=live) == []


def test_of_a_text_without_a_policy_all_as_parsed() -> None:
    found = address_pairs(register().decode(), format="sip")
    assert (told(found), found[0]["admitted"]) == ([(A, B)], False)


@pytest.mark.parametrize("found", [7, None, [7], {"address_pairs": 7}])
def test_what_is_none_of_these_is_told(found: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="address_pairs: the input is"):
        address_pairs(found)


def test_a_bad_policy_is_told() -> None:
    with pytest.raises(AnsibleFilterError, match="unknown_policy_key"):
        address_pairs("", policy={**POLICY, "require_tls": True})


def test_the_documentation_names_every_key() -> None:
    documentation = yaml.safe_load((ROOT / "plugins" / "filter" / "address_pairs.yml").read_text(encoding="utf-8"))
    assert set(address_pairs(register().decode())[0]) == set(documentation["RETURN"]["_value"]["contains"])


def test_a_reassigned_address_is_handed_over_for_its_sessions_only() -> None:
    """Design rule 9: the old address reassigned; session scope keeps both alive, wider scopes are refused."""
    (found,) = address_pairs(report_to_record(judged(line())))
    session = {"protocol": "tcp", "port": 5, "correspondent": "10.0.0.7", "correspondent_port": 80}
    reassigned = {**found, "reassigned": True}
    assert handovers([reassigned], sessions=[session])[0]["old"] == A
    assert handovers([found], scope="correspondent", correspondents=["10.0.0.7"])[0]["old"] == A
    for scope in ("correspondent", "address"):
        with pytest.raises(AnsibleFilterError, match="old_reassigned"):
            handovers([reassigned], scope=scope, correspondents=["10.0.0.7"])
