# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of mobile nodes, read from what a SIP server logs or pushes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
---
module: registrations
short_description: Handovers that follow from the registrations that a SIP server logs or pushes
description:
  - Reads SIP registrations as they come, decides by a policy whom to believe, and emits the handovers that follow.
  - An event has either C(handovers), records as M(sipmobility.handover.plan_handover) and C(handover_records) of the
    playbook C(sipmobility.handover.handover) take them, with C(policy), what O(policy) holds, or C(refused), what was
    not believed, each with C(where), C(code) and C(reason).
  - What comes while a playbook runs is one event, in which each handover stands once, with its newest word. A burst of
    moves costs a few playbook runs.
  - The same code decides as in the module M(sipmobility.handover.registrations_info) and in the resident service.
  - A playbook takes seconds. Where a call cannot wait that long, run the service C(sip-handover serve) instead.
options:
  events:
    description:
      - The inputs, a list. Each is a mapping with one of C(log) (a file, followed through rotation), C(evapi)
        (ADDRESS:PORT of Kamailio's module evapi), C(socket) (a Unix datagram socket that is made) and C(udp)
        (ADDRESS:PORT on the loopback), and with C(format) where that is not C(kamailio).
    type: list
    elements: dict
    required: true
  policy:
    description: File of the rules by which registrations are believed.
    type: str
    required: true
  state_dir:
    description:
      - Directory for the history of addresses and for the cursors of logs. Of two runs only one may use it at a time.
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
    description:
      - With V(listed) a handover has the sessions that its registration lists. With V(auto) it may come without, and
        the playbook finds them; give it C(handover_sessions=auto) then, and the event's C(policy) as
        C(handover_policy).
    type: str
    choices: [listed, auto]
    default: listed
  home:
    description:
      - How the servers that the policy's C(home_servers) names are asked, over HTTPS with certificates on both sides,
        about phones that are not known here. The same keys as O(sipmobility.handover.registrations_info#module:home).
      - A registration waits for the answer, at most the policy's C(home_timeout_seconds); others go on meanwhile.
      - Without it nobody is asked, and such a registration is refused.
    type: dict
    suboptions:
      certificate:
        description: The file of the certificate by which a home server knows us.
        type: str
        required: true
      private_key:
        description: The file of its private key.
        type: str
        required: true
      ca:
        description: The file of the authorities that sign home servers' certificates.
        type: str
        required: true
      port:
        description: The TCP port of home servers.
        type: int
        default: 5443
      addresses:
        description: The addresses of home servers that are not to be looked up, by name.
        type: dict
        default: {}
  pause:
    description: Least seconds between two events; about what the playbook takes.
    type: float
    default: 3.0
  feedback:
    description:
      - Take the next registrations when the rule engine has acknowledged the event, and only then forget the last ones.
        Needs persistence to be enabled in the activation.
    type: bool
    default: false
notes:
  - What was emitted counts as done O(pause) seconds after it was taken. Whatever ends the rulebook before that has the
    same emitted again at its next start, and a handover that stands changes nothing. What a playbook did not finish,
    C(sipmobility.handover.reconcile) does.
"""

EXAMPLES = r"""
- sipmobility.handover.registrations:
    events:
      - log: /var/log/sipmobility/registrations.jsonl
    policy: /etc/sipmobility/policy.yml
    state_dir: /var/lib/sipmobility/eda

# Phones of other domains: the policy says which server is their home server.
- sipmobility.handover.registrations:
    events:
      - log: /var/log/sipmobility/registrations.jsonl
    policy: /etc/sipmobility/policy.yml
    state_dir: /var/lib/sipmobility/eda
    home:
      certificate: /etc/sipmobility/visited.pem
      private_key: /etc/sipmobility/visited.key
      ca: /etc/sipmobility/servers.pem
"""

# The rule engine runs this file by its path, and knows nothing of collections.
_ROOT = str(Path(__file__).absolute().parents[7])
if _ROOT not in sys.path:
    sys.path.append(_ROOT)

from ansible_collections.sipmobility.handover.agent.feed import Feed
from ansible_collections.sipmobility.handover.agent.service.config import FeedConfig


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Emit events until cancelled.

    :raises HandoverError: for arguments, policy or inputs that cannot be used.
    """
    told = {key: value for key, value in args.items() if key not in ("feedback", "eda_feedback_queue")}
    if told.get("home") is None:  # a rulebook has no way to leave an argument out
        told.pop("home", None)
    feedback: asyncio.Queue[Any] | None = args.get("eda_feedback_queue")

    async def put(event: dict[str, Any]) -> None:
        await queue.put(event)
        if feedback is not None:
            await feedback.get()

    await Feed(FeedConfig.from_dict(told)).run(put)
