# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any event that carries SIP registrations, from a webhook, a bus or the journal, becomes the handovers that follow."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
---
module: registrations
short_description: Handovers that follow from the registrations in an event of any source
description:
  - Takes the text in an event, reads SIP registrations from it, decides by a policy whom to believe, and adds to the
    event what the source C(sipmobility.handover.registrations) emits, C(handovers) with C(policy), and C(refused).
  - An event without any text is handed on as it is.
  - Whoever can send such events can state what a SIP server has authenticated. Let only the SIP server send them, a
    webhook with a token or a signature, a bus with an access list.
  - A filter cannot wait, so it asks no home server. A phone that is not known here is refused; the source can ask.
options:
  text:
    description:
      - Where the text is, keys joined by dots. A mapping there counts as one line of JSON.
      - Without it the first of C(payload) (webhooks), C(body) (buses) and C(journald.message) that is there.
    type: str
  format:
    description: As in M(sipmobility.handover.registrations_info).
    type: str
    default: auto
  policy:
    description: File of the rules by which registrations are believed.
    type: str
    required: true
  state_dir:
    description: Directory for the history of addresses.
    type: str
    required: true
  scope:
    description: How much is rewritten.
    type: str
    choices: [session, correspondent, address]
    default: session
  directions:
    description: Whether the mobile node's packets are rewritten, too.
    type: str
    choices: [forward, both]
    default: both
  sessions:
    description: >-
      V(auto) allows handovers whose sessions the playbook finds, with C(handover_sessions=auto) and the event's
      C(policy) as C(handover_policy).
    type: str
    choices: [listed, auto]
    default: listed
"""

EXAMPLES = r"""
- ansible.eda.webhook:
    port: 5000
    token: "{{ webhook_token }}"
  filters:
    - sipmobility.handover.registrations:
        policy: /etc/sipmobility/policy.yml
        state_dir: /var/lib/sipmobility/eda
"""

# The rule engine runs this file by its path, and knows nothing of collections.
_ROOT = str(Path(__file__).absolute().parents[7])
if _ROOT not in sys.path:
    sys.path.append(_ROOT)

from ansible_collections.sipmobility.handover.agent.feed import Teller, judged, opened_judge
from ansible_collections.sipmobility.handover.agent.policy_file import load_policy_data
from ansible_collections.sipmobility.handover.agent.service.config import FeedConfig
from ansible_collections.sipmobility.handover.agent.service.judge import Judge
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source

_USUAL = ("payload", "body", "journald.message")
#: The judge of each directory, with who is told, and his policy; the rule engine loads this file once for each use.
_COURTS: dict[str, tuple[Judge, Teller, dict[str, Any]]] = {}


def main(event: dict[str, Any], text: str = "", format: str = "auto", **told: Any) -> dict[str, Any]:
    """The event, with what follows from the registrations in it.

    :raises HandoverError: for arguments, policy or history that cannot be used; never for what the event holds.
    """
    found = next((value for path in ([text] if text else _USUAL) if (value := _at(event, path)) is not None), None)
    if found is None:
        return event
    if "home" in told:
        raise HandoverError("bad_config", "home", "a filter cannot wait for home servers; the source asks them")
    judge, teller, policy = _court(FeedConfig.from_dict(told))
    line = found if isinstance(found, str) else json.dumps(found)
    handovers: list[dict[str, Any]] = []
    try:
        items = list(open_source(format, [line.encode("utf-8", "surrogateescape") + b"\n"], "event")[1])
        handovers = judged(judge, items, teller)
    except HandoverError as error:
        teller.refused("event", error.code, str(error))
    judge.commit()
    refused, teller.refusals = teller.refusals, []
    follows = {"handovers": handovers, "policy": policy} if handovers else {}
    return {**event, **follows, **({"refused": refused} if refused else {})}


def _court(config: FeedConfig) -> tuple[Judge, Teller, dict[str, Any]]:
    if config.state_dir not in _COURTS:
        teller = Teller()
        _COURTS[config.state_dir] = opened_judge(config, teller), teller, load_policy_data(config.policy)
    return _COURTS[config.state_dir]


def _at(event: object, path: str) -> object:
    for key in path.split("."):
        if not isinstance(event, dict):
            return None
        event = event.get(key)
    return event
