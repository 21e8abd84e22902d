# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: plan_handover
short_description: Plan handovers, withdrawals or repairs for all routers, into files
version_added: 0.1.0
description:
  - Makes one plan for all first-hop routers, as the ordered steps that lead from what the routers hold to what they
    must hold, and writes it into a directory on the controller. M(sipmobility.handover.apply_step) applies it.
  - Decoders come first and go last, encoders change in between, so that a live session never sees a wrong address.
  - Packets are walked through the result before the plan is written. A handover that cannot be carried out is refused
    with a code and a reason, and does not hold up the others.
  - Runs once for all routers and reaches none of them. It reads the inventory variables C(handover_networks),
    C(handover_platform), C(handover_inside_interface) and C(handover_outside_interface) of each router. One that lies
    behind another one has C(handover_behind), the other one's name, and C(handover_behind_addresses), its own addresses
    towards it - the outer one rewrites, both get the route. C(handover_foreign_sources=true) says of a router that
    packets which leave it under a source of another network arrive - neither BCP 38 nor a stateful firewall beyond it
    drops them.
author: "sipmobility.handover contributors (@sipmobility)"
extends_documentation_fragment:
  - sipmobility.handover.attributes
  - sipmobility.handover.attributes.controller
attributes:
  check_mode:
    support: full
    details: The plan is written in check mode, too. It lies on the controller and changes no router.
  diff_mode:
    support: N/A
    details: The module changes no router.
  platform:
    support: full
    platforms: posix
    description: Runs on the controller and reaches no router.
options:
  handovers:
    description:
      - The handovers to carry out, with the keys of RV(handovers). C(old), C(new) and C(expires) are required, and
        C(sessions), or C(correspondents) where C(scope) is V(correspondent) or V(address). Defaults are
        C(scope=session) and C(directions=both). The filter P(sipmobility.handover.handovers#filter) makes them of
        address pairs.
      - With C(via=home_router) the router of the old address sends on the packets of correspondents whose own router
        is not managed, towards the mobile node alone. Home and visited router must have
        C(handover_foreign_sources=true), or the handover is refused (C(foreign_source_dropped)). Without it, one with
        such a correspondent is refused (C(correspondent_unmanaged)).
      - One with C(ended=true), or whose new address is the old one, is taken away.
      - Exactly one of O(handovers), O(src), O(withdraw) and O(recover) is required.
    type: list
    elements: dict
  src:
    description:
      - A JSON file on the controller with the list that O(handovers) would hold. Use it for more than about 100.
      - Exactly one of O(handovers), O(src), O(withdraw) and O(recover) is required.
    type: path
  withdraw:
    description:
      - Take away the handovers with these ids or old addresses that the routers hold; V(all) stands for every one.
      - One that no router holds is not an error, so that a second run changes nothing; RV(notes) tells of it. An
        address may be spelt in any way.
      - Exactly one of O(handovers), O(src), O(withdraw) and O(recover) is required.
    type: list
    elements: str
  recover:
    description:
      - Repair what the routers hold in parts, after a controller was lost in the middle.
      - V(done) completes what was begun, V(undone) takes it back. Where that is not possible, or cannot be walked, it
        goes the other way; RV(findings) says so, and why. A handover is refused, and left as it is, where neither is
        possible.
      - One that no router knows whole is taken away.
      - Exactly one of O(handovers), O(src), O(withdraw) and O(recover) is required.
    type: str
    choices: [done, undone]
  routers:
    description: The inventory names of the first-hop routers.
    type: list
    elements: str
    required: true
  states_dir:
    description:
      - The directory on the controller with what each router holds, as C(NAME.json), written by
        M(sipmobility.handover.router_state) with O(sipmobility.handover.router_state#module:dest).
      - A router without a file counts as unreachable. Without this option every router counts as empty.
    type: path
  unreachable:
    description:
      - Routers that did not answer, and why. A handover that needs one of them is refused.
    type: dict
    default: {}
  sessions:
    description:
      - V(given) takes the sessions of the handovers as they are, and refuses one with the scope V(session) and none.
      - V(auto) looks for the sessions of handovers with the scope V(session). It merges those that the handover brings
        (the phone's own list), those that the routers rewrite already, O(dialogs) of the SIP server and the routers'
        connection tables in O(connections_dir). Each session in RV(handovers) then has its C(sources).
      - The rules are in C(docs/sessions.md) of this collection. A router's connection table is believed first. A
        session always has the old address at the phone's end.
      - A handover may have C(reassigned=true) then, where somebody else has the old address by now, and C(held_to),
        the time until which it was the phone's.
    type: str
    choices: [given, auto]
    default: given
  connections_dir:
    description:
      - With O(sessions=auto), the directory on the controller with each router's connections, as C(NAME.json), written
        by M(sipmobility.handover.connections_info).
    type: path
  connections_unknown:
    description:
      - With O(sessions=auto), the routers that did not tell their connections, and why. The plan says so.
    type: dict
    default: {}
  dialogs:
    description:
      - With O(sessions=auto), the C(dialogs) that M(sipmobility.handover.registrations_info) returned.
    type: list
    elements: dict
    default: []
  policy:
    description:
      - With O(sessions=auto), the policy of M(sipmobility.handover.registrations_info). Of its keys C(correspondents),
        C(correspondent_networks), C(infrastructure), C(max_sessions_per_handover) and C(widen_unknown_sessions) count.
    type: dict
  drain:
    description:
      - Seconds between the last change of an encoder and the first removal of a decoder. Must be longer than a packet
        is on its way.
    type: float
    default: 2.0
  widen:
    description:
      - What to do where a router of a handover cannot express its scope or its directions. By default the handover is
        refused.
      - V(true) plans the narrowest scope that all its routers can express, and both directions where one of them cannot
        do less. RV(notes) tells what was given up.
    type: bool
    default: false
  freeze:
    description:
      - Whether flows may be dropped for the moments in which routers change that rewrite both ways at once (iptables,
        Juniper SRX, and two of Cisco IOS). One router of Cisco IOS needs no freeze where its rewrites only come or only
        go. The same goes for one of C(ietf_netconf_plain), which cannot drop a flow. Handovers for which it would have
        to are refused, with the code C(needs_freeze).
      - V(false) refuses handovers that need it, with the code C(needs_freeze), before anything is changed.
    type: bool
    default: true
  dest:
    description:
      - The directory on the controller for the plan. Made where it is missing.
      - It holds C(stages.json), C(steps/ID.json) (for M(sipmobility.handover.apply_step) alone) and, where a router
        tells it, C(ROUTER.generation); with O(details) also C(plan.json) (handovers, refused, stages) and
        C(targets/ROUTER.json).
    type: path
    required: true
  details:
    description:
      - Whether to write the whole plan in words, and the state that each router ends in, in the form of
        M(sipmobility.handover.router_state). No step needs them, and for thousands of handovers they take a while.
    type: bool
    default: true
  handovers_dest:
    description:
      - A JSON file on the controller for the handovers that the plan carries out, however many. A later run that is
        given it as O(src) carries out these.
    type: path
notes:
  - Run it with C(run_once=true), C(delegate_to=localhost) and C(become=false).
seealso:
  - module: sipmobility.handover.apply_step
  - module: sipmobility.handover.router_state
  - plugin: sipmobility.handover.handovers
    plugin_type: filter
  - plugin: sipmobility.handover.handover_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Plan one handover
  sipmobility.handover.plan_handover:
    handovers:
      - aor: sip:phone@example.com
        old: 1.1.1.1
        new: 2.2.2.2
        expires: '2026-11-24T05:00:00Z'
        sessions:
          - {protocol: tcp, port: 40000, correspondent: 3.3.3.3, correspondent_port: 7000}
    routers: "{{ ansible_play_hosts_all }}"
    states_dir: /var/tmp/handover/states
    dest: /var/tmp/handover/plan
  register: handover_plan
  run_once: true
  delegate_to: localhost
  become: false

# Task output
# -----------
# changed: false
# dest: /var/tmp/handover/plan
# findings: []
# handovers_count: 1
# refused: []
# stages:
#   - {index: 0, phase: decode, wait: 0.0, undo_wait: 2.0, steps: {rb: 01-decode-rb, rc: 01-decode-rc}}
#   - {index: 1, phase: encode, wait: 0.0, undo_wait: 0.0, steps: {rb: 02-encode-rb, rc: 02-encode-rc}}
# unreachable_routers: []

- name: Plan ten thousand handovers that a file holds
  sipmobility.handover.plan_handover:
    src: /var/tmp/handover/handovers.json
    routers: "{{ groups['first_hop_routers'] }}"
    states_dir: /var/tmp/handover/states
    dest: /var/tmp/handover/plan
  run_once: true
  delegate_to: localhost

- name: Plan a handover whose sessions the routers know
  sipmobility.handover.plan_handover:
    handovers:
      - {aor: 'sip:phone@example.com', old: 1.1.1.1, new: 2.2.2.2, expires: '2026-11-24T05:00:00Z'}
    sessions: auto
    connections_dir: /var/tmp/handover/connections
    routers: "{{ ansible_play_hosts_all }}"
    states_dir: /var/tmp/handover/states
    dest: /var/tmp/handover/plan
  run_once: true
  delegate_to: localhost

- name: Plan the withdrawal of everything that stands
  sipmobility.handover.plan_handover:
    withdraw: [all]
    routers: "{{ groups['first_hop_routers'] }}"
    states_dir: /var/tmp/handover/states
    dest: /var/tmp/handover/plan
  run_once: true
  delegate_to: localhost

- name: Plan the repair of what another controller left half-made
  sipmobility.handover.plan_handover:
    recover: done
    routers: "{{ groups['first_hop_routers'] }}"
    states_dir: /var/tmp/handover/states
    unreachable:
      rd: connection timed out
    dest: /var/tmp/handover/plan
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
handovers:
  description: The handovers that the plan carries out, with their epochs.
  returned: success, up to 100 handovers; more are in O(handovers_dest) alone
  type: list
  elements: dict
  contains:
    id:
      description: Stays the same over the life of the old address. Derived from owner and old address where missing.
      type: str
      returned: success
      sample: 8d7ac21f98194017
    aor:
      description: The address of record of the owner.
      type: str
      returned: success
      sample: sip:phone@example.com
    instance:
      description: The C(+sip.instance) of the owner, or V(null).
      type: str
      returned: success
    old:
      description: The address that the sessions were opened with.
      type: str
      returned: success
      sample: 1.1.1.1
    new:
      description: The address that the mobile node has now; the old one where it returned home.
      type: str
      returned: success
      sample: 2.2.2.2
    expires:
      description: When the registration ends, in UTC.
      type: str
      returned: success
      sample: '2026-11-24T05:00:00Z'
    epoch:
      description: Rises with each change.
      type: int
      returned: success
    scope:
      description: V(session), V(correspondent) or V(address).
      type: str
      returned: success
    directions:
      description: V(forward) or V(both).
      type: str
      returned: success
    via:
      description: V(home_router), see O(handovers).
      type: str
      returned: where the record has it
    sessions:
      description: >-
        The sessions, each with C(protocol), C(port) of the mobile node, C(correspondent) and C(correspondent_port), and
        C(outside) and C(outside_port) where the correspondent is seen under another endpoint outside its network. With
        O(sessions=auto) also C(sources), of V(mn), V(standing), V(sip) and C(connections@ROUTER).
      type: list
      elements: dict
      returned: success
    correspondents:
      description: The correspondent nodes, for the wider scopes.
      type: list
      elements: str
      returned: success
    ended:
      description: Whether the handover is over and is taken away.
      type: bool
      returned: success
handovers_count:
  description: How many handovers the plan carries out.
  returned: success
  type: int
handovers_dest:
  description: The file that has them all.
  returned: with O(handovers_dest)
  type: str
refused:
  description: The handovers that were left out.
  returned: success
  type: list
  elements: dict
  contains:
    handover:
      description: The handover, as in RV(handovers).
      type: dict
      returned: success
    code:
      description: A stable word.
      type: str
      returned: success
      sample: unmanaged_address
    reason:
      description: The reason, for people.
      type: str
      returned: success
notes:
  description: >-
    What the plan costs those whom it serves, what was given up by O(widen), what does not end by itself, and what
    O(withdraw) names that no router holds.
  returned: success
  type: list
  elements: dict
  contains:
    handover:
      description: The id of the handover; with V(not_held) the name of O(withdraw).
      type: str
      returned: success
    code:
      description: V(by_home_router), V(sent_on), V(lost_under_way), V(widened), V(no_expiry) or V(not_held).
      type: str
      returned: success
    text:
      description: What the operator should know.
      type: str
      returned: success
      sample: 'what is under way to rb is lost: no foreign source may leave it (handover_foreign_sources)'
findings:
  description:
    - With O(recover), what was found of each handover that needs repair, and what becomes of it.
    - V(completed), V(taken back), V(thawed), V(ended) or V(left as it is), and why not otherwise.
  returned: success
  type: list
  elements: str
sessions:
  description: What was found for each handover with O(sessions=auto).
  returned: success, up to 100 handovers
  type: list
  elements: dict
  contains:
    old:
      description: The old address of the handover.
      type: str
      returned: success
    new:
      description: Its new address.
      type: str
      returned: success
    sources:
      description: How many of its sessions each source knows.
      type: dict
      returned: success
      sample:
        connections@rc: 2
        sip: 1
    left_out:
      description: >-
        Up to 50 sessions that were known but not taken, each with C(code), C(reason) and C(session). The codes are in
        C(docs/sessions.md).
      type: list
      elements: dict
      returned: success
    left_out_counts:
      description: How many sessions were left out, by code.
      type: dict
      returned: success
    notes:
      description: What is not covered, and what a wider scope costs.
      type: list
      elements: str
      returned: success
stages:
  description: >-
    What to do, in this order. All routers of a stage acknowledge before the next stage begins. Empty where nothing is
    to do.
  returned: success
  type: list
  elements: dict
  contains:
    index:
      description: The place of the stage, from V(0).
      type: int
      returned: success
    phase:
      description: >-
        V(freeze), V(decode), V(joint), V(lead), V(clear_src), V(encode), V(retire_joint), V(thaw) or V(retire).
      type: str
      returned: success
    wait:
      description: Seconds to wait after the stage before.
      type: float
      returned: success
    undo_wait:
      description: Seconds to wait before the stage is taken back, where a later one was reached.
      type: float
      returned: success
    stands_with:
      description: >-
        The phases of which one that could not be taken back on every router keeps this stage from being taken back,
        because its encoders rely on it.
      type: list
      elements: str
      returned: success
    steps:
      description: The id of each router's step, by router name.
      type: dict
      returned: success
      sample:
        rb: 01-decode-rb
        rc: 01-decode-rc
    hold:
      description: The routers whose step is left unconfirmed until the other routers have theirs.
      type: list
      elements: str
      returned: success
    confirm:
      description: The routers that are confirmed when this stage was acknowledged by all.
      type: list
      elements: str
      returned: success
unreachable_routers:
  description: The routers whose state is not known.
  returned: success
  type: list
  elements: str
dest:
  description: The directory that was written.
  returned: success
  type: str
code:
  description: What went wrong, a stable word.
  returned: failure
  type: str
  sample: bad_topology
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
