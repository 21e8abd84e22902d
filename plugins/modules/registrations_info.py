#!/usr/bin/python
# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin: has it done on this host. On the controller itself its action plugin does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: registrations_info
short_description: Read address pairs from the registrations that a SIP server logged
version_added: 0.1.0
description:
  - Reads SIP registrations (RFC 3261) from a log of the SIP server and tells which mobile node moved from which address
    to which. The old address stands in the header C(com.cisco.TerminalMobilityUsingNat) of US patent 7,082,118, and the
    same word in C(Require).
  - Holds each against a policy, so that nobody points another's traffic at himself. What is not believed is listed with
    a stable code and a reason. The codes are explained in C(docs/refusals.md) of this collection.
  - What cannot be read is refused, too, and what stands around it is still used.
  - A registration without the tag is neither a pair nor a refusal.
  - A tagged INVITE or NOTIFY within a dialog says the same to the server of that dialog's correspondent, and is read
    likewise. Nothing is admitted from one as long as the phone's home server was not asked.
  - The body C(application/vnd.sipmobility.sessions+json) of a tagged request lists the phone's sessions; it is
    described in C(docs/sessions-body.md) of this collection. A list that is not believed takes nothing from its pair.
author: "sipmobility.handover contributors (@sipmobility)"
attributes:
  check_mode:
    support: full
    description: >-
      The module only reads. What it notes in O(store) is its own memory; in check mode it notes nothing.
  diff_mode:
    support: N/A
    description: The module changes nothing.
  platform:
    support: full
    platforms: posix
    description: Runs wherever Python does; see the notes.
options:
  path:
    description:
      - The log, on the host that the module runs on. It may be compressed (gzip).
      - One of O(path), O(content) and O(commit) is required; O(path) and O(content) exclude each other.
    type: path
  content:
    description:
      - The text of a log, instead of O(path). Neither is needed where there is only O(commit).
    type: str
  format:
    description:
      - V(kamailio) is the line of JSON that Kamailio's C(xlog) writes for each accepted REGISTER; a log prefix before
        its brace does not matter, other lines are skipped. V(journal) is the same line in C(journalctl --output json).
      - V(kamailio_dump) is C(ul.dump) of Kamailio, JSON or the text of C(kamcmd). It is what the server holds, not what
        happened, and yields registrations with RV(registrations[].snapshot), never a pair.
      - V(opensips) is C(E_UL_CONTACT_*) notifications in JSON-RPC. The old address, the authenticated user and the time
        come from C(attr), where a script writes them.
      - V(freeswitch) is C(sofia::register), C(sofia::unregister) and C(sofia::expire) events in JSON. V(asterisk) is
        lines of its registrar (PJSIP), or C(ContactStatus) events of its manager interface. Neither carries the tag.
      - V(ios_ccsip) is C(debug ccsip messages) of Cisco IOS, V(sip) is raw SIP, one message or many. These name no
        packet source and no authenticated user, so that a policy must waive those rules before anything is admitted.
      - V(pcap) is a capture file, pcap or pcapng, and V(hep) a file of HEP3 packets. A REGISTER in them counts with the
        server's 2xx to it. They are read whole each time, and need O(path). See C(docs/captures.md).
      - C(docs/sources.md) of this collection tells what each can and cannot know.
      - V(auto) looks at the input.
    type: str
    choices: [auto, asterisk, freeswitch, hep, ios_ccsip, journal, kamailio, kamailio_dump, opensips, pcap, sip]
    default: auto
  policy:
    description:
      - Whom to believe. Without it the input is only parsed, and every pair comes out with RV(address_pairs[].admitted)
        false.
    type: dict
    suboptions:
      managed_networks:
        description:
          - The name of each location, and the list of prefixes of the hosts there.
          - Old and new address of a pair must lie in one of them.
        type: dict
        required: true
      infrastructure:
        description: Addresses and prefixes that no mobile node has (routers, servers, gateways).
        type: list
        elements: str
        default: []
      correspondents:
        description: The correspondent nodes that pairs are for.
        type: list
        elements: str
        default: []
      realms:
        description:
          - An authentication realm, and the list of SIP domains that it vouches for.
          - A realm that is not listed vouches for the domain of its own name.
        type: dict
        default: {}
      require_authentication:
        description: Whether the server must have authenticated the owner of the address of record.
        type: bool
        default: true
      require_secure_transport:
        description:
          - Whether the REGISTER must have come over TLS.
          - Digest authentication does not cover the addresses. Turn this off only where nobody can alter packets
            between mobile node and server.
        type: bool
        default: true
      require_protected_sessions:
        description:
          - Whether the sessions that a request's body lists are believed only where nobody could alter them on their
            way, that is over TLS, or where the server verified a digest with C(qop=auth-int).
          - Without that protection the pair stays, and its sessions are dropped with C(sessions_not_protected).
        type: bool
        default: true
      require_packet_source:
        description: Whether the new address must be the source address of the packet.
        type: bool
        default: true
      require_ownership:
        description:
          - Whether the old address must have been the phone's own, and nobody else's at the same time, as far as its
            history is known here (see O(store)) or to its home server.
          - Turn this off in a lab only.
        type: bool
        default: true
      max_age_seconds:
        description: The oldest event that is acted on. V(0) takes events of any age, and inputs without a time.
        type: int
        default: 300
      max_clock_skew_seconds:
        description: How far an event's time may lie ahead of this host's clock.
        type: int
        default: 5
      default_lifetime_seconds:
        description: The lifetime of a registration that states none.
        type: int
        default: 3600
      max_lifetime_seconds:
        description: The longest lifetime of a pair, whatever the registration states.
        type: int
        default: 86400
      max_registrations_per_aor:
        description: How many tagged registrations one address of record may send within O(policy.rate_window_seconds).
        type: int
        default: 10
      rate_window_seconds:
        description:
          - The window of O(policy.max_registrations_per_aor), O(policy.max_handovers_per_address) and
            O(policy.max_handovers).
        type: int
        default: 60
      max_handovers_per_address:
        description: How many handovers of one old address are admitted within O(policy.rate_window_seconds).
        type: int
        default: 10
      max_handovers:
        description: How many handovers of everybody together are admitted within O(policy.rate_window_seconds).
        type: int
        default: 10000
      grace_seconds:
        description: How long after its end an earlier binding still shows whose the old address was.
        type: int
        default: 120
      infer:
        description:
          - The ways to find a pair although the phone sends no tag, as stock phones do. What is found is held against
            the same rules.
          - A pair is never inferred from a change of the port alone, after the phone has unregistered, or while another
            phone is at the old address.
        type: dict
        suboptions:
          instance:
            description: The same address of record and C(+sip.instance) (RFC 5626) from another address.
            type: bool
            default: false
          call_id:
            description: The same address of record and Call-ID with a higher CSeq from another address.
            type: bool
            default: false
          removed_contact:
            description: One REGISTER that removes the old contact and adds the new one.
            type: bool
            default: false
          single_contact:
            description:
              - The same address of record from another address.
              - Right only where no user has two phones; two phones look like one that moves.
            type: bool
            default: false
      home_servers:
        description:
          - A SIP domain, and the list of servers whose word counts for its users. They are asked where nothing is known
            here of a phone. A domain that is not listed is not asked.
        type: dict
        default: {}
      home_timeout_seconds:
        description: How long a registration waits for the home server's word.
        type: int
        default: 5
      max_waiting:
        description: How many registrations wait for it at one time.
        type: int
        default: 64
      correspondent_networks:
        description:
          - Where the correspondents of sessions may be that were found with
            O(sipmobility.handover.plan_handover#module:sessions=auto). Empty for every network of a managed router.
        type: list
        elements: str
        default: []
      max_sessions_per_handover:
        description: How many sessions of one old address are kept that were found so.
        type: int
        default: 200
      widen_unknown_sessions:
        description:
          - Whether O(sipmobility.handover.plan_handover#module:sessions=auto) chooses the scope V(correspondent) for a
            handover with a correspondent of whom no session is known.
          - New sessions between those hosts and the new address break then, and so does ICMP echo.
        type: bool
        default: false
  cursor:
    description:
      - What an earlier run returned as RV(cursor), to go on from there. Where the log has been rotated since, also
        compressed or copied and truncated, the rest of the old file is read first, then those that came after it.
        Where the old file is gone, RV(refused) says so with the code V(lost_input).
      - Keep the new cursor only after the routers have acknowledged what was read, or a failed run loses a move.
    type: dict
  list_registrations:
    description:
      - Whether RV(registrations) lists every registration. V(false) keeps a long log out of the memory and the result;
        what is found in it is told all the same.
    type: bool
    default: true
  store:
    description:
      - A file on the host that the module runs on, in which runs share what was seen (who had which address, CSeq
        numbers, rates, live pairs). It is made where there is none. Without it, each run begins without a history.
      - What a run learns is kept apart until RV(draft) is passed as O(commit).
      - The file must be on a local file system.
    type: path
  commit:
    description:
      - What an earlier run with O(store) returned as RV(draft). That it is passed says that the routers have
        acknowledged what that run found. Pass it together with that run's RV(cursor), or without O(path) and
        O(content).
      - A draft that is never passed leaves nothing behind, so that a failed run is repeated with the same result.
    type: str
  home:
    description:
      - How the servers that O(policy.home_servers) names are asked, over HTTPS with certificates on both sides. See
        C(docs/home-server.md) of this collection. The module waits for them, at most O(policy.home_timeout_seconds).
      - Without it nobody is asked, and RV(questions) says what there is to ask.
    type: dict
    suboptions:
      certificate:
        description: The file of the certificate by which a home server knows us, on the host that the module runs on.
        type: path
        required: true
      private_key:
        description: The file of its key.
        type: path
        required: true
      ca:
        description: The file of the authorities that sign home servers' certificates.
        type: path
        required: true
      port:
        description: The TCP port of home servers.
        type: int
        default: 5443
      addresses:
        description: The addresses of home servers that are not to be looked up, by name.
        type: dict
        default: {}
  live:
    description:
      - Pairs or handovers that stand already, of an earlier run or as the routers hold them, so that refreshes, returns
        and ends are recognised, and no second owner is admitted. With O(store), those of earlier runs are known.
      - Each has C(old), C(new) and C(expires), and C(aor) and C(instance) or the C(id) of the handover.
    type: list
    elements: dict
    default: []
notes:
  - SIP servers need no Python for this. Fetch the log, or have it sent to the controller, and run the module there with
    C(delegate_to=localhost), C(run_once=true).
  - On the controller itself it runs in Ansible's own process, which takes a second less. With C(become), C(async) or
    C(environment), and on any other host, it runs there as modules do.
seealso:
  - name: Session Initiation Protocol
    description: RFC 3261.
    link: https://www.rfc-editor.org/rfc/rfc3261
"""

EXAMPLES = r"""
- name: Read what Kamailio logged since the last run
  sipmobility.handover.registrations_info:
    path: /var/log/kamailio/register.jsonl
    format: kamailio
    cursor: "{{ handover_cursor | default(omit) }}"
    policy:
      managed_networks:
        location-101: [1.1.1.0/24]
        location-102: [2.2.2.0/24, '2001:db8:2::/64']
      infrastructure: [1.1.1.1, 2.2.2.1, 2.2.2.10]
      require_secure_transport: false
  delegate_to: localhost
  run_once: true
  register: seen

- name: Read a month of rotated and compressed logs for what was refused
  sipmobility.handover.registrations_info:
    path: "{{ item }}"
    format: kamailio
    list_registrations: false
  loop: "{{ query('ansible.builtin.fileglob', '/var/log/kamailio/register.jsonl-*.gz') | sort }}"
  delegate_to: localhost
  run_once: true

- name: Ask a Kamailio what it holds now, after a restart of ours
  ansible.builtin.command: kamctl rpc ul.dump
  register: bindings
  changed_when: false

- name: Read it
  sipmobility.handover.registrations_info:
    content: "{{ bindings.stdout }}"
    format: kamailio_dump
  delegate_to: localhost

- name: Show why registrations were refused
  ansible.builtin.debug:
    msg: "{{ item.where }}: {{ item.code }}: {{ item.reason }}"
  loop: "{{ seen.refused }}"
  loop_control:
    label: "{{ item.where }}"

- name: Take the pairs that still hold
  ansible.builtin.set_fact:
    moved: "{{ seen.address_pairs | selectattr('admitted') | selectattr('current') }}"

- name: Find the moves of stock phones, with a history that runs share
  sipmobility.handover.registrations_info:
    path: /var/log/kamailio/register.jsonl
    cursor: "{{ handover_cursor | default(omit) }}"
    store: /var/lib/sip-handover/history.db
    commit: "{{ handover_draft | default(omit) }}"
    policy:
      managed_networks:
        location-101: [1.1.1.0/24]
        location-102: [2.2.2.0/24]
      infer:
        instance: true
        removed_contact: true
  delegate_to: localhost
  run_once: true
  register: seen

- name: Keep what was learnt, now that the routers have acknowledged
  sipmobility.handover.registrations_info:
    store: /var/lib/sip-handover/history.db
    commit: "{{ seen.draft }}"
  delegate_to: localhost
  run_once: true

- name: Look at the pairs of a captured message without admitting any
  sipmobility.handover.registrations_info:
    content: "{{ lookup('ansible.builtin.file', 'register.sip', rstrip=false) }}"
    format: sip
  delegate_to: localhost
"""

RETURN = r"""
registrations:
  description: Every registration that could be read, tagged or not; empty with O(list_registrations=false).
  returned: success
  type: list
  elements: dict
  contains:
    aor:
      description: The address of record in its canonical form.
      type: str
      returned: success
      sample: sip:alice@example.com
    contacts:
      description: >-
        The contacts, each with C(uri), C(host_text), C(host) (V(null) for a hostname), C(port), C(expires) in seconds,
        C(instance) and C(reg_id).
      type: list
      elements: dict
      returned: success
    removes_all:
      description: Whether the contact is an asterisk.
      type: bool
      returned: success
    tagged:
      description: Whether both the header and the option tag are there.
      type: bool
      returned: success
    tag_required:
      description: Whether C(Require) names the option tag.
      type: bool
      returned: success
    old_hosts:
      description: The hosts in the header, as text.
      type: list
      elements: str
      returned: success
    old_addresses:
      description: Those of them that are addresses.
      type: list
      elements: str
      returned: success
    call_id:
      description: The Call-ID, or V(null) where the input does not have it.
      type: str
      returned: success
    cseq:
      description: The CSeq number, or V(null) where the input does not have it.
      type: int
      returned: success
    expires:
      description: Seconds that the registration asks for; V(0) when it only removes bindings.
      type: int
      returned: success
    expires_stated:
      description: Whether the registration says so itself.
      type: bool
      returned: success
    instance:
      description: The C(+sip.instance) of RFC 5626, or V(null).
      type: str
      returned: success
    source_address:
      description: The packet's source address, or V(null) where the input does not have it.
      type: str
      returned: success
    source_port:
      description: The packet's source port, or V(null).
      type: int
      returned: success
    transport:
      description: The transport, or V(null) where the input does not say.
      type: str
      returned: success
      sample: tls
    authenticated_user:
      description: Whom the server authenticated, or V(null).
      type: str
      returned: success
    authenticated_realm:
      description: The realm of those credentials, or V(null).
      type: str
      returned: success
    claimed_user:
      description: The user name in the message, which nobody has checked, or V(null).
      type: str
      returned: success
    bindings_before:
      description: >-
        What the registrar held before, each with C(contact), C(host), C(port), C(received), C(expires) (a time),
        C(call_id), C(cseq) and C(instance).
      type: list
      elements: dict
      returned: success
    server_address:
      description: The server's address that the packet came to, or V(null).
      type: str
      returned: success
    snapshot:
      description: >-
        Whether this is a row of the registrar's table, not a REGISTER; C(expires) are the seconds that were left.
      type: bool
      returned: success
    held_since:
      description: Of a snapshot, when the mobile node registered last, in UTC, or V(null).
      type: str
      returned: success
    received_at:
      description: When it came, in UTC, or V(null) where the input does not say.
      type: str
      returned: success
      sample: '2026-11-24T04:00:00.250Z'
    where:
      description: File and line.
      type: str
      returned: success
    method:
      description: V(REGISTER), V(INVITE) or V(NOTIFY).
      type: str
      returned: success
    correspondent:
      description: >-
        Whom an INVITE or NOTIFY is for, with C(aor), C(target) (the Request-URI), C(address) (V(null) for a hostname)
        and C(port); V(null) of a REGISTER.
      type: dict
      returned: success
    authenticated_qop:
      description: What the digest covered that the server verified, V(auth) or V(auth-int), or V(null).
      type: str
      returned: success
    listed:
      description: >-
        The sessions in the body of a tagged request, as it stands there: C(old), and C(sessions) with C(protocol),
        C(port), C(correspondent) and C(correspondent_port) each; or V(null).
      type: dict
      returned: success
    media:
      description: >-
        Where the offer in an INVITE wants media, each with C(protocol), C(use) (V(rtp), V(rtcp) or V(media)),
        C(address) and C(port).
      type: list
      elements: dict
      returned: success
    body_refused:
      description: What could not be read of the body, each with C(code), C(reason) and C(where).
      type: list
      elements: dict
      returned: success
address_pairs:
  description: The pairs of old and new address, in the order of the input.
  returned: success
  type: list
  elements: dict
  contains:
    aor:
      description: The address of record of the owner.
      type: str
      returned: success
      sample: sip:alice@example.com
    instance:
      description: The C(+sip.instance) of the owner, or V(null).
      type: str
      returned: success
    old:
      description: The address that the sessions were opened with.
      type: str
      returned: success
      sample: 1.1.1.20
    new:
      description: The address that the mobile node has now.
      type: str
      returned: success
      sample: 2.2.2.20
    correspondents:
      description: >-
        The correspondent nodes that the policy names, of the same family; of an INVITE or NOTIFY the other party's
        address, where the Request-URI names it.
      type: list
      elements: str
      returned: success
    sessions:
      description: >-
        The sessions that the registration lists, each with C(protocol), C(port), C(correspondent) and
        C(correspondent_port); empty where it lists none, or its list was not believed.
      type: list
      elements: dict
      returned: success
    expires:
      description: When the registration ends, in UTC.
      type: str
      returned: success
      sample: '2026-11-24T05:00:00Z'
    admitted:
      description: Whether every rule of the policy held.
      type: bool
      returned: success
    source:
      description: File and line of the registration.
      type: str
      returned: success
    current:
      description: Whether nothing later in the same input took the pair's place or ended it.
      type: bool
      returned: success
    correspondent:
      description: >-
        The address of record of the correspondent that an INVITE or NOTIFY is for; V(null) of a REGISTER, which is for
        all.
      type: str
      returned: success
    by:
      description: >-
        How the pair was found, V(tag) or one of the ways of O(policy.infer).
      type: str
      returned: success
      sample: tag
    held_from:
      description: From when on the owner alone had the old address, in UTC, or V(null) where that is not known.
      type: str
      returned: success
      sample: '2026-11-24T03:00:00Z'
    held_to:
      description: Until when, in UTC, or V(null) where that is not known.
      type: str
      returned: success
      sample: '2026-11-24T04:00:00Z'
    reassigned:
      description: >-
        Whether somebody else has the old address by now. Only sessions between C(held_from) and C(held_to) are the
        owner's then, and only the scope V(session) is right.
      type: bool
      returned: success
changes:
  description: What happened to the old addresses, in the order of the input.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: >-
        V(moved), V(refreshed) (the same pair again), V(returned) (the mobile node has the old address again) or
        V(ended) (the registration is over).
      type: str
      returned: success
    aor:
      description: The address of record.
      type: str
      returned: success
    instance:
      description: The C(+sip.instance), or V(null).
      type: str
      returned: success
    old:
      description: The old address, or V(null) where a registration ended and the input does not tell.
      type: str
      returned: success
    new:
      description: The address that the registration names, or V(null) where every binding was removed.
      type: str
      returned: success
    expires:
      description: When the registration ends or ended, in UTC.
      type: str
      returned: success
    admitted:
      description: Whether every rule of the policy held.
      type: bool
      returned: success
    source:
      description: File and line.
      type: str
      returned: success
refused:
  description: What was not read or not believed.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: A stable code, explained in C(docs/refusals.md).
      type: str
      returned: success
      sample: new_not_source
    reason:
      description: The reason, for people.
      type: str
      returned: success
      sample: Contact 2.2.2.20, packet from 3.3.3.30
    where:
      description: File and line.
      type: str
      returned: success
      sample: /var/log/kamailio/register.jsonl:17
questions:
  description: What the phones' home servers are to be asked. See C(docs/home-server.md) of this collection.
  returned: when the policy names home servers, nothing is known of a phone, and O(home) does not say how to ask
  type: list
  elements: dict
  contains:
    id:
      description: Of the question, the same for the same phone and old address.
      type: str
      returned: success
    aor:
      description: The address of record.
      type: str
      returned: success
    instance:
      description: The C(+sip.instance), or V(null).
      type: str
      returned: success
    old:
      description: The address that it says it had.
      type: str
      returned: success
    since:
      description: The question is whether it had it some time after this, in UTC.
      type: str
      returned: success
    until:
      description: And before this, in UTC.
      type: str
      returned: success
    servers:
      description: Whose answer counts.
      type: list
      elements: str
      returned: success
    deadline:
      description: How long the registration waits, in UTC.
      type: str
      returned: success
dialogs:
  description: >-
    What the SIP dialogs of this input that still stand have agreed on at the old address of a pair that holds, for
    O(sipmobility.handover.plan_handover#module:dialogs). The formats V(kamailio), V(journal), V(pcap), V(hep) and
    V(sip) have dialogs.
  returned: when there are any
  type: list
  elements: dict
  contains:
    protocol:
      description: V(udp), or V(tcp) for signalling.
      type: str
      returned: success
    use:
      description: V(rtp), V(rtcp), V(media) or V(signalling).
      type: str
      returned: success
    party:
      description: The address of record of one end, which the SIP message stated.
      type: str
      returned: success
    address:
      description: Its address.
      type: str
      returned: success
    port:
      description: Its port.
      type: int
      returned: success
    peer:
      description: The address of record of the other end; empty for a server.
      type: str
      returned: success
    peer_address:
      description: Its address.
      type: str
      returned: success
    peer_port:
      description: Its port.
      type: int
      returned: success
    since:
      description: When it was agreed, in Unix seconds, or V(null).
      type: float
      returned: success
cursor:
  description: Where a next run goes on; empty with O(content).
  returned: success
  type: dict
draft:
  description: The name of what this run has learnt, for O(commit).
  returned: with O(store), not in check mode
  type: str
  sample: 8d7ac21f98194017
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import HandoverError
from ..module_utils.registrations import ARGUMENTS, RULES, registrations


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True, **RULES)

    def problem(server: str, error: HandoverError) -> None:
        module.log(f"home server {server}: {error}")

    try:
        result = registrations(module.params, time.time(), not module.check_mode, problem)
    except HandoverError as error:
        told = {key: getattr(error, key) for key in ("code", "subject", "rule", "advice")}
        module.fail_json(msg=str(error), **told)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
