# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registrations of which a server tells without handing on the REGISTER."""

from __future__ import annotations

import re
from typing import Optional, Tuple

from ..errors import HandoverError
from .contact import instance_of
from .grammar import Address
from .header import parse_old_addresses
from .plain_uri import HOST, MAX_PLAIN, PORT, URI_BEGIN, URI_PARAMS
from .registration import DEFAULT_EXPIRES, Contact, Registration
from .uri import parse_uri, plain_host

__all__ = ["contact_host", "reported", "reported_contact"]

_PLAIN = re.compile(rf"{URI_BEGIN}({HOST})(?::({PORT})|){URI_PARAMS}")


def reported(
    aor: str,
    contacts: Tuple[Contact, ...],
    where: str,
    *,
    old_line: Optional[str] = None,
    call_id: Optional[str] = None,
    cseq: Optional[int] = None,
    expires_stated: bool = True,
    source: Tuple[Optional[Address], Optional[int]] = (None, None),
    transport: Optional[str] = None,
    authenticated: Tuple[Optional[str], Optional[str]] = (None, None),
    server_address: Optional[Address] = None,
    received_at: Optional[float] = None,
    snapshot: bool = False,
    held_since: Optional[float] = None,
) -> Registration:
    """What a server tells of a registration without handing on the REGISTER: all that it does not tell is None.

    :param old_line: the patent's header, where the server hands it on because Require names the tag.
    :param source: address and port that the packet came from.
    :param authenticated: user and realm.
    :raises HandoverError: ``bad_old_address``.
    """
    old = parse_old_addresses(old_line) if old_line is not None else []
    lasting = [contact for contact in contacts if contact.expires > 0] or list(contacts)
    return Registration(
        aor=aor,
        contacts=contacts,
        removes_all=False,
        old_hosts=tuple(host for host, _address in old),
        old_addresses=tuple(address for _host, address in old if address is not None),
        tag_required=old_line is not None,
        call_id=call_id,
        cseq=cseq,
        expires=max((contact.expires for contact in lasting), default=DEFAULT_EXPIRES),
        expires_stated=expires_stated,
        instance=lasting[0].instance if lasting else None,
        source_address=source[0],
        source_port=source[1],
        transport=transport,
        authenticated_user=authenticated[0],
        authenticated_realm=authenticated[1],
        claimed_user=None,
        bindings_before=(),
        server_address=server_address,
        received_at=received_at,
        where=where,
        snapshot=snapshot,
        held_since=held_since,
    )


def reported_contact(
    uri_text: str, expires: int, instance: Optional[str] = None, reg_id: Optional[int] = None
) -> Contact:
    """A contact of which a server reports the URI, without angle brackets.

    :raises HandoverError: ``bad_contact``, ``bad_uri``, ``bad_number``.
    """
    uri = parse_uri(uri_text)
    return Contact(uri.text, uri.host, uri.address, uri.port, expires, instance_of(instance), reg_id)


def contact_host(uri_text: str) -> Tuple[Optional[Address], Optional[int]]:
    """Host as an address, and port, of a contact URI that the server reports; None where it has none."""
    plain = _PLAIN.fullmatch(uri_text) if len(uri_text) <= MAX_PLAIN else None
    try:
        if plain is not None:
            host, plain_port = plain.groups()
            return plain_host(host)[1], int(plain_port) if plain_port else None
        uri = parse_uri(uri_text)
    except HandoverError:
        return None, None
    return uri.address, uri.port
