# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the header lines of a REGISTER, or of a tagged INVITE or NOTIFY, say together."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, Optional, Sequence, Tuple

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
    contacts = tuple([_contact(value, expires) for value in values])
    lasting = [contact for contact in contacts if contact.expires > 0] or contacts
    old_hosts, old_addresses = _old_hosts(tag_lines)
    return RegisterHeaders(
        contacts,
        asterisk,
        old_hosts,
        old_addresses,
        _OPTION_TAG in option_tags,
        0 if asterisk else max([contact.expires for contact in lasting], default=DEFAULT_EXPIRES),
        expires is not None or any(said is not None for _u, _t, _h, _p, said, _i, _r in values),
        lasting[0].instance if lasting else None,
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


def _contact(value: ContactValue, expires: Optional[int]) -> Contact:
    uri, host_text, host, port, said, instance, reg_id = value
    if said is not None:
        expires = parse_expires(said)
    elif expires is None:
        expires = DEFAULT_EXPIRES
    return stated(
        Contact,
        {
            "uri": uri,
            "host_text": host_text,
            "host": host,
            "port": port,
            "expires": expires,
            "instance": instance,
            "reg_id": reg_id,
        },
    )


def _old_hosts(lines: Sequence[str]) -> Tuple[Tuple[str, ...], Tuple[Address, ...]]:
    if not lines:
        return (), ()
    old = [host for line in lines for host in parse_old_addresses(line)]
    if len(old) == 1:
        ((host, address),) = old
        return (host,), () if address is None else (address,)
    return tuple([host for host, _address in old]), tuple([address for _host, address in old if address is not None])
