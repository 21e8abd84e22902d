# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kamailio's event of a REGISTER as most lines of most logs are: one pattern sees the whole line.

It takes what the configuration of role ``sip_server`` writes, key by key in its order, for a registration without a
body, of one Contact line and at most one line of the other headers, with at most one binding before. That is two
thirds of the work that any JSON object makes.
It never takes a line that :mod:`.kamailio` would refuse or read otherwise; a line that it does not take says nothing
about that line. tests/unit/sip/test_kamailio_plain.py holds that.
"""

from __future__ import annotations

import re
from typing import Optional, Sequence

from ..contact import instance_of
from ..grammar import header_text, ip_literal
from ..header import parse_call_id
from ..plain_uri import HOST
from ..register_headers import headers_of_register
from ..registration import Binding, Contact, Registration
from ..reported import contact_host
from ..stated import stated
from ..uri import host_of
from .json_values import MAX_TIME

__all__ = ["bound", "plain_registration"]

#: ``expires`` of a binding before: absolute from here on, seconds left below (nobody registers for 30 years).
_ABSOLUTE = 1_000_000_000

#: ASCII that stands in a JSON string as it is, and is not what stands for none (:func:`.json_values.optional_string`).
_TEXT = r"(?!<null>\"|\[not set\]\")[ !#-\[\]-~]+"
#: Of nine digits, which is less than any limit; the year 2190 is the last one that begins with a 6.
_NUMBER, _TIME = "0|[1-9][0-9]{0,8}", r"[1-6][0-9]{9}(?:\.[0-9]{1,9}|)"
_ONE_LINE = r'\[(?:"([0-9a-f]+)"|)\]'
_BINDING = (
    rf'{{"contact":"({_TEXT})","received":(?:"({_TEXT})"|null),"expires":([0-9]|[1-9][0-9]{{1,9}}),'
    rf'"call_id":"({_TEXT})","cseq":({_NUMBER}),"instance":(?:"({_TEXT})"|null)}}'
)
_EVENT = re.compile(
    rf'{{"before":\[(?:{_BINDING}|)\],"event":"register",'
    rf""""aor":"sip:([A-Za-z0-9\-_.!~*'()&=+$,;?/]+)@({HOST})","expires":(?:({_NUMBER})|null),"rc":[1-9][0-9]{{0,8}},"""
    rf'"v":1,"time":({_TIME}),"src_ip":"([0-9A-Fa-f.:]+)","src_port":([1-9][0-9]{{0,4}}),"transport":"({_TEXT})",'
    rf'"local_ip":(?:"([0-9A-Fa-f.:]+)"|null),"auth_user":(?:"({_TEXT})"|null),"auth_realm":(?:"({_TEXT})"|null),'
    rf'"qop":(?:"(auth|auth-int)"|null),"call_id_hex":"([0-9a-f]+)","cseq":({_NUMBER}),"contact_hex":\["([0-9a-f]+)"\],'
    rf'"tag_hex":{_ONE_LINE},"require_hex":{_ONE_LINE},"content_type_hex":null,"body_hex":null,'
    r'"user_agent_hex":(?:"[0-9a-f]*"|null)}[ \t\r]*'
)


def plain_registration(data: bytes, where: str) -> Optional[Registration]:
    """The registration that an event line tells of, None for a line that is not plain.

    :param data: from the brace on.
    """
    try:
        found = _EVENT.fullmatch(data.decode("ascii"))
        return None if found is None else _registration(found, where)
    except ValueError:  # a HandoverError, not ASCII, or half a byte in hexadecimal digits
        return None


def bound(
    contact: str,
    received: Optional[str],
    expires: Optional[int],
    call_id: Optional[str],
    cseq: Optional[int],
    instance: Optional[str],
    now: float,
    contacts: Sequence[Contact],
) -> Binding:
    """A binding that was there before a registration.

    :param expires: as Kamailio tells it.
    :param contacts: those of the registration, which mostly names again what was bound: it is read once.
    """
    if contacts and contacts[0].uri == contact:
        host, port = contacts[0].host, contacts[0].port
    else:
        host, port = contact_host(contact)
    if expires == 0:  # a permanent contact of Kamailio's, which ends at no time that is known
        expires = None
    elif expires is not None and expires < _ABSOLUTE:
        expires += int(now)
    return Binding(contact, host, port, received, expires, call_id, cseq, instance_of(instance))


def _registration(found: re.Match[str], where: str) -> Optional[Registration]:
    """:raises ValueError: where something is wrong."""
    contact, received, until, bound_call_id, bound_cseq, instance, *rest = found.groups()
    user, host, expires, time, source, port, transport, local, user_name, realm, qop, call_id, cseq, *lines = rest
    source_address, server_address = ip_literal(source), None if local is None else ip_literal(local)
    if source_address is None or (local is not None and server_address is None):
        return None
    contacts, tags, options = [() if said is None else (header_text(bytes.fromhex(said)),) for said in lines]
    if ("<null>",) in (contacts, tags, options):
        return None
    fields = headers_of_register(contacts, tags, options, None if expires is None else int(expires))
    name = host_of(host)[0]
    fields["aor"] = f"sip:{user}@[{name}]" if ":" in name else f"sip:{user}@{name}"
    fields["call_id"], fields["cseq"] = parse_call_id(header_text(bytes.fromhex(call_id))), int(cseq)
    fields["received_at"] = now = float(time)
    fields["source_address"], fields["source_port"] = source_address, int(port)
    fields["server_address"], fields["transport"], fields["where"] = server_address, transport.lower(), where
    fields["authenticated_user"], fields["authenticated_realm"], fields["authenticated_qop"] = user_name, realm, qop
    if contact is not None:
        ends = int(until)
        if ends > MAX_TIME:
            return None
        one = bound(contact, received, ends, bound_call_id, int(bound_cseq), instance, now, fields["contacts"])
        fields["bindings_before"] = (one,)
    return stated(Registration, fields) if fields["source_port"] < 65536 else None
