# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two independent programs make of configurations: run by the environment of the stand-ins, JSON in, JSON out.

hier_config computes the lines that lead from one configuration to another; ntc-templates read what routers show.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from hier_config import Platform, WorkflowRemediation, get_hconfig
from ntc_templates.parse import parse_output


def remediation(before: str, after: str) -> list[str]:
    """The lines that hier_config sends."""
    platform = Platform.CISCO_IOS
    work = WorkflowRemediation(get_hconfig(platform, before), get_hconfig(platform, after))
    return [line.cisco_style_text() for line in work.remediation_config.all_children_sorted()]


def translations(shown: str) -> list[dict[str, Any]]:
    """The rows that ntc-templates read."""
    return [dict(row) for row in parse_output("cisco_ios", "show ip nat translations", shown)]


asked = json.load(sys.stdin)
answers = {"remediation": [remediation(*pair) for pair in asked["changes"]], "rows": translations(asked["shown"])}
json.dump(answers, sys.stdout)
