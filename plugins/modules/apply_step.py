# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apply_step
short_description: Apply one step of a handover plan to the router that it is for
version_added: 0.1.0
description:
  - Applies one step of a plan that M(sipmobility.handover.plan_handover) or the filter
    P(sipmobility.handover.handover_plan#filter) made. A step is one transaction on one router.
  - Reads the router first, unless O(src) says of which generation the router was when the plan was made, or after the
    step before, and it still is. Then nobody has changed it, and a step costs its own size, however much the router
    holds. What must hold before the step must stand, be gone, or be as after the step already;
    anything else means that somebody changed the router after the plan was made, and the task fails with the code
    C(router_changed). A step that was done before changes nothing.
  - After the transaction the router is read back; or it is enough that it acknowledged, and that its generation rose by
    this transaction alone. Where it does not hold what it was told, it is put back and the task
    fails, naming router, step and cause.
  - The order of the steps is the plan's, and all steps of a stage must be acknowledged before the next stage. The
    playbook C(sipmobility.handover.handover) does that, and takes everything back where a step fails.
author: "sipmobility.handover contributors (@sipmobility)"
extends_documentation_fragment:
  - sipmobility.handover.attributes
  - sipmobility.handover.attributes.controller
  - sipmobility.handover.router
  - sipmobility.handover.router.entries
attributes:
  check_mode:
    support: full
    details: With O(src), the plan's earlier stages are taken as carried out. Nothing is written to the router.
  diff_mode:
    support: full
  platform:
    support: full
    platforms: posix
    description: Routers of every platform of this collection.
options:
  step:
    description:
      - The step, with C(id), C(phase), C(router), C(before) and C(after), the last two as lists of entries. It must
        name this router.
      - Exactly one of O(step) and O(src) is required.
    type: dict
  src:
    description:
      - The directory on the controller into which M(sipmobility.handover.plan_handover) wrote the plan. This router's
        step in O(stage) is applied; where it has none, nothing is done.
      - Required with O(hold=true) and with O(confirm=true).
      - Exactly one of O(step) and O(src) is required. Required together with O(stage).
    type: path
  stage:
    description:
      - The index of a stage of the plan, from V(0).
      - Required together with O(src).
    type: int
  wait:
    description:
      - Seconds to let pass before the step, in which packets that are under way arrive. The stages of a plan tell them
        in C(wait), and for O(undo) in C(undo_wait).
      - Not with O(render), nor in check mode.
    type: float
    default: 0.0
  undo:
    description:
      - Take the step back. What it left must still stand, or be as before it already.
      - Mutually exclusive with O(hold) and O(confirm).
    type: bool
    default: false
  hold:
    description:
      - Leave what the step changes unconfirmed where the router can (C(ietf_netconf) with confirmed-commit). The router
        takes it back by itself when the session ends, and after 60 seconds, unless a task with O(confirm) comes first,
        in the same play. Elsewhere the step is applied as usual.
      - The stages of a plan tell which routers should hold, in C(hold), and after which stage they are confirmed, in
        C(confirm). That way encoders stand on all routers, or on none.
      - Mutually exclusive with O(undo) and O(confirm).
    type: bool
    default: false
  confirm:
    description:
      - Confirm what this router holds, instead of applying a step, and read the router once more. Where it holds
        nothing, nothing is done.
      - Mutually exclusive with O(undo) and O(hold).
    type: bool
    default: false
  render:
    description:
      - Return the step's text as RV(rendered) and reach no router, for a pipeline of your own.
      - The text is for a router that stands as the plan found it. Give O(now) to get the same text again.
    type: bool
    default: false
seealso:
  - module: sipmobility.handover.plan_handover
  - module: sipmobility.handover.router_state
  - plugin: sipmobility.handover.handover_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Apply the first stage of a plan that is on the controller; all routers, before the next stage
  sipmobility.handover.apply_step:
    src: /var/tmp/handover/plan
    stage: 0

- name: Apply one step of a plan made by the filter
  sipmobility.handover.apply_step:
    step: "{{ plan.stages[0].steps[0] }}"

# Task output
# -----------
# changed: true
# step: 02-encode-rc
# before: []
# commands:
#   - 'set -eu'
#   - 'nft -f - <<''ELEMENTS'''
#   - >-
#     add element ip sipmobility session_error_inbound_dst { 0x303030302020202 . 0x6 . 0x1b589c40 timeout
#     630s comment "sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496430 n=1 d=both" : 1.1.1.1 }
#   - >-
#     add element ip sipmobility session_error_outbound_src { 0x101010103030303 . 0x6 . 0x9c401b58 timeout
#     630s comment "sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496430 n=1 d=both" : 2.2.2.2 }
#   - >-
#     add element ip sipmobility session_outbound_dst { 3.3.3.3 . 1.1.1.1 . tcp . 7000 . 40000 timeout
#     630s comment "sipmobility:1 id=8d7ac21f98194017 e=1 x=1795496430 n=1 d=both" : 2.2.2.2 }
#   - 'ELEMENTS'
#   - 'if test -x /usr/local/lib/sipmobility/save; then /usr/local/lib/sipmobility/save; fi'
# after:
#   - type: rewrite
#     kind: outbound_dst
#     match: {source: 3.3.3.3, destination: 1.1.1.1, protocol: tcp, source_port: 7000, destination_port: 40000}
#     to: 2.2.2.2
#     handover: 8d7ac21f98194017
#     epoch: 1
#     expires: '2026-11-24T05:00:30Z'
#     directions: both
#     flows: 1
#     ended: false

- name: Take the first stage back
  sipmobility.handover.apply_step:
    src: /var/tmp/handover/plan
    stage: 0
    undo: true

- name: Write a step's text for a pipeline, the same at every run
  sipmobility.handover.apply_step:
    src: /var/tmp/handover/plan
    stage: 1
    render: true
    now: 1795495800
  register: text
"""

RETURN = r"""
step:
  description: The id of the step, or V(null) where this router has nothing to do in the stage.
  returned: success
  type: str
  sample: 02-encode-rc
summary:
  description: What became of the step, for a report.
  returned: when the step was applied, or would be in check mode
  type: dict
  contains:
    id:
      description: The id of the step.
      type: str
      returned: success
    phase:
      description: The phase that the step belongs to.
      type: str
      returned: success
      sample: encode
    router:
      description: The router.
      type: str
      returned: success
    changed:
      description: Whether anything was to do.
      type: bool
      returned: success
    started:
      description: When the step began, in Unix seconds.
      type: float
      returned: success
    ms:
      description: How long it took, in milliseconds.
      type: float
      returned: success
before:
  description: The entries that the step removed or replaced.
  returned: when the step was applied, or would be in check mode, up to 100 entries
  type: list
  elements: dict
  contains:
    type:
      description: V(rewrite), V(mark), V(route), V(neighbour) or V(freeze).
      type: str
      returned: success
    kind:
      description: With C(type=rewrite), V(inbound_dst), V(inbound_src), V(outbound_dst) or V(outbound_src).
      type: str
      returned: for a rewrite
    match:
      description: >-
        The packets, as they are on the wire when the router looks at them, by C(source), C(destination), C(protocol),
        C(source_port) and C(destination_port).
      type: dict
      returned: for a rewrite, a mark or a freeze
      sample:
        source: 3.3.3.3
        destination: 2.2.2.2
        protocol: tcp
        source_port: 7000
        destination_port: 40000
    to:
      description: The address that is put in.
      type: str
      returned: for a rewrite
      sample: 1.1.1.1
    destination:
      description: The old address that the route leads to.
      type: str
      returned: for a route
      sample: 1.1.1.1
    via:
      description: The new address, or V(null) where the router has lost the route.
      type: str
      returned: for a route
      sample: 2.2.2.2
    interface:
      description: The interface of a route or of a neighbour entry, or V(null).
      type: str
      returned: for a route or a neighbour
      sample: lan
    address:
      description: The address that the router answers for.
      type: str
      returned: for a neighbour
      sample: 1.1.1.1
    handover:
      description: The id of the handover; empty where the router no longer knows it.
      type: str
      returned: success
      sample: 8d7ac21f98194017
    epoch:
      description: Rises with each change of the handover.
      type: int
      returned: success
    expires:
      description: When the entry expires, in UTC.
      type: str
      returned: success
      sample: '2026-11-24T05:01:00Z'
    directions:
      description: V(forward) or V(both).
      type: str
      returned: success
    flows:
      description: How many sessions or correspondents the whole handover has.
      type: int
      returned: success
    ended:
      description: Whether the handover is about to end, and the entry with it.
      type: bool
      returned: success
after:
  description: The entries that the step put on the router. As RV(before).
  returned: when the step was applied, or would be in check mode, up to 100 entries
  type: list
  elements: dict
before_count:
  description: The number of entries, in place of RV(before).
  returned: from 101 entries on
  type: int
after_count:
  description: The number of entries, in place of RV(after).
  returned: from 101 entries on
  type: int
commands:
  description: The lines that were sent, or would be in check mode; empty where the step was done before.
  returned: when the step was applied, or would be in check mode, up to 100 changed entries
  type: list
  elements: str
rendered:
  description: The text of the step; empty where it changes nothing.
  returned: when O(render=true)
  type: str
suffix:
  description: How a file with that text is called at its end.
  returned: when O(render=true)
  type: str
  sample: sh
code:
  description: What went wrong, a stable word.
  returned: failure
  type: str
  sample: router_changed
subject:
  description: The input that broke the rule.
  returned: failure
  type: str
rule:
  description: The rule that it broke.
  returned: failure
  type: str
advice:
  description: What to do next; empty where nothing can be done.
  returned: failure
  type: str
"""
