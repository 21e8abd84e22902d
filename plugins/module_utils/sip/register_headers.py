# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the header lines of a REGISTER, or of a tagged INVITE or NOTIFY, say together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import HandoverError
from .contact import ContactValue, read_contact_values
from .grammar import Address
from .header import OPTION_TAG, parse_expires, parse_old_addresses, read_option_tags
from .registration import DEFAULT_EXPIRES, Contact
from .stated import stated

__all__ = ["RegisterHeaders", "facts_of_register", "headers_of_dialog_request", "headers_of_register"]

_OPTION_TAG = OPTION_TAG.lower()


class RegisterHeaders(NamedTuple):
    """The part of a Registration that follows from the header lines alone."""

    contacts: Tuple[Contact, ...]
    removes_all: bool
    old_hosts: Tuple[str, ...]
    old_addresses: Tuple[Address, ...]
    tag_required: bool
    expires: int
    expires_stated: bool
    instance: Optional[str]

    @property
    def tagged(self) -> bool:
        """As :attr:`Registration.tagged`."""
        return self.tag_required and bool(self.old_hosts)

    def put_into(self, fields: Dict[str, Any]) -> None:
        """Put these into the fields of a Registration, by its names."""
        (
            fields["contacts"],
            fields["removes_all"],
            fields["old_hosts"],
            fields["old_addresses"],
            fields["tag_required"],
            fields["expires"],
            fields["expires_stated"],
            fields["instance"],
        ) = self


def headers_of_register(
    contact_lines: Sequence[str], tag_lines: Sequence[str], require_lines: Sequence[str], expires: Optional[int]
) -> RegisterHeaders:
    """What the Contact, tag and Require lines of a REGISTER say, with its Expires header in seconds.

    :raises HandoverError: ``bad_address``, ``bad_contact``, ``bad_header``, ``bad_number``,
        ``bad_old_address``, ``bad_uri``.
    """
    contacts, asterisk = read_contact_values(contact_lines)
    return facts_of_register(contacts, asterisk, tag_lines, read_option_tags(require_lines), expires)


def facts_of_register(
    values: Sequence[ContactValue],
    asterisk: bool,
    tag_lines: Sequence[str],
    option_tags: Sequence[str],
    expires: Optional[int],
) -> RegisterHeaders:
    """The same from Contact and Require lines that have been read.

    :raises HandoverError: ``bad_contact``, ``bad_number``, ``bad_old_address``.
    """
    if asterisk and expires != 0:
        raise HandoverError("bad_contact", f"* with Expires {expires}", "the asterisk needs Expires: 0")
    contacts: List[Contact] = []
    default = DEFAULT_EXPIRES if expires is None else expires
    expires_stated = expires is not None
    longest, instance = -1, None
    for uri, host_text, host, port, said, urn, reg_id in values:
        seconds = default
        if said is not None:
            seconds = parse_expires(said)
            expires_stated = True
        contacts.append(
            stated(
                Contact,
                {
                    "uri": uri,
                    "host_text": host_text,
                    "host": host,
                    "port": port,
                    "expires": seconds,
                    "instance": urn,
                    "reg_id": reg_id,
                },
            )
        )
        # Of the first contact that stays, else of the first.
        if longest < 0 or longest == 0 < seconds:
            instance = urn
        if seconds > longest:
            longest = seconds
    if longest < 0:
        longest = 0 if asterisk else DEFAULT_EXPIRES
    old_hosts, old_addresses = _old_hosts(tag_lines) if tag_lines else ((), ())
    tag_required = _OPTION_TAG in option_tags
    return RegisterHeaders(
        tuple(contacts), asterisk, old_hosts, old_addresses, tag_required, longest, expires_stated, instance
    )


def headers_of_dialog_request(
    contact_lines: Sequence[str], tag_lines: Sequence[str], require_lines: Sequence[str]
) -> RegisterHeaders:
    """The same of an INVITE or NOTIFY. It binds nothing: its Contact has no lifetime, its Expires means the invitation.

    :param require_lines: of Require and Proxy-Require: a server on the way is meant as well as the other end
        (RFC 3261 section 20.29).
    :raises HandoverError: as :func:`headers_of_register`.
    """
    headers = headers_of_register(contact_lines, tag_lines, require_lines, None)
    contacts = tuple(replace(contact, expires=DEFAULT_EXPIRES) for contact in headers.contacts)
    return headers._replace(contacts=contacts, expires=DEFAULT_EXPIRES, expires_stated=False)


def _old_hosts(lines: Sequence[str]) -> Tuple[Tuple[str, ...], Tuple[Address, ...]]:
    old = parse_old_addresses(lines[0])
    for line in lines[1:]:
        old += parse_old_addresses(line)
    if len(old) == 1:
        ((host, address),) = old
        return (host,), () if address is None else (address,)
    return tuple([host for host, _address in old]), tuple([address for _host, address in old if address is not None])
