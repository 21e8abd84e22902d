# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the header lines of a REGISTER, or of a tagged INVITE or NOTIFY, say together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional, Sequence, Tuple

from .contact import read_contacts
from .grammar import Address
from .header import OPTION_TAG, parse_old_addresses, read_option_tags
from .registration import DEFAULT_EXPIRES

__all__ = ["headers_of_dialog_request", "headers_of_register", "stated_by_register"]

_OPTION_TAG = OPTION_TAG.lower()

#: The fields of a Registration that follow from the header lines alone, by their names.
Stated = Dict[str, Any]
#: Hosts as text, each with its address, or None for a hostname.
Hosts = Sequence[Tuple[str, Optional[Address]]]


def headers_of_register(
    contact_lines: Sequence[str], tag_lines: Sequence[str], require_lines: Sequence[str], expires: Optional[int]
) -> Stated:
    """What the Contact, tag and Require lines of a REGISTER say, with its Expires header in seconds.

    :raises HandoverError: ``bad_address``, ``bad_contact``, ``bad_header``, ``bad_number``,
        ``bad_old_address``, ``bad_uri``.
    """
    old = [host for line in tag_lines for host in parse_old_addresses(line)]
    return stated_by_register(contact_lines, old, read_option_tags(require_lines), expires)


def stated_by_register(
    contact_lines: Sequence[str], old: Hosts, option_tags: Sequence[str], expires: Optional[int]
) -> Stated:
    """The same from tag and Require lines that have been read.

    :param old: the hosts of the tag lines.
    :raises HandoverError: ``bad_address``, ``bad_contact``, ``bad_number``, ``bad_uri``.
    """
    contacts, removes_all, longest, stated_there, instance = read_contacts(contact_lines, expires)
    old_hosts: Tuple[str, ...]
    old_addresses: Tuple[Address, ...]
    if len(old) == 1:
        ((host, address),) = old
        old_hosts, old_addresses = (host,), () if address is None else (address,)
    else:
        old_hosts = tuple([host for host, _address in old])
        old_addresses = tuple([address for _host, address in old if address is not None])
    return {
        "contacts": contacts,
        "removes_all": removes_all,
        "old_hosts": old_hosts,
        "old_addresses": old_addresses,
        "tag_required": _OPTION_TAG in option_tags,
        "expires": longest,
        "expires_stated": stated_there or expires is not None,
        "instance": instance,
    }


def headers_of_dialog_request(
    contact_lines: Sequence[str], tag_lines: Sequence[str], require_lines: Sequence[str]
) -> Stated:
    """The same of an INVITE or NOTIFY. It binds nothing: its Contact has no lifetime, its Expires means the invitation.

    :param require_lines: of Require and Proxy-Require: a server on the way is meant as well as the other end
        (RFC 3261 section 20.29).
    :raises HandoverError: as :func:`headers_of_register`.
    """
    said = headers_of_register(contact_lines, tag_lines, require_lines, None)
    contacts = tuple([replace(contact, expires=DEFAULT_EXPIRES) for contact in said["contacts"]])
    return {**said, "contacts": contacts, "expires": DEFAULT_EXPIRES, "expires_stated": False}
