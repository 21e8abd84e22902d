# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the header lines of a REGISTER, or of a tagged INVITE or NOTIFY, say together."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Tuple

from .contact import read_contacts
from .grammar import Address
from .header import OPTION_TAG, parse_old_addresses, read_option_tags
from .registration import DEFAULT_EXPIRES, Registration
from .stated import form

__all__ = ["headers_of_dialog_request", "headers_of_register", "stated_by_register"]

_OPTION_TAG = OPTION_TAG.lower()

_FORM = form(Registration)
_FORM["bindings_before"] = ()

#: The fields of a Registration by their names; what is not known yet is None, or the field's default.
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
    old = [host for line in tag_lines for host in parse_old_addresses(line)] if tag_lines else []
    option_tags = read_option_tags(require_lines) if require_lines else ()
    return stated_by_register(contact_lines, old, option_tags, expires)


def stated_by_register(
    contact_lines: Sequence[str], old: Hosts, option_tags: Sequence[str], expires: Optional[int]
) -> Stated:
    """The same from tag and Require lines that have been read.

    :param old: the hosts of the tag lines.
    :raises HandoverError: ``bad_address``, ``bad_contact``, ``bad_number``, ``bad_uri``.
    """
    said = _FORM.copy()
    said["contacts"], said["removes_all"], said["expires"], there, said["instance"] = read_contacts(
        contact_lines, expires
    )
    said["expires_stated"] = there or expires is not None
    said["tag_required"] = _OPTION_TAG in option_tags
    if not old:
        said["old_hosts"] = said["old_addresses"] = ()
    elif len(old) == 1:
        ((host, address),) = old
        said["old_hosts"], said["old_addresses"] = (host,), () if address is None else (address,)
    else:
        said["old_hosts"] = tuple([host for host, _address in old])
        said["old_addresses"] = tuple([address for _host, address in old if address is not None])
    return said


def headers_of_dialog_request(
    contact_lines: Sequence[str], tag_lines: Sequence[str], require_lines: Sequence[str]
) -> Stated:
    """The same of an INVITE or NOTIFY. It binds nothing: its Contact has no lifetime, its Expires means the invitation.

    :param require_lines: of Require and Proxy-Require: a server on the way is meant as well as the other end
        (RFC 3261 section 20.29).
    :raises HandoverError: as :func:`headers_of_register`.
    """
    said = headers_of_register(contact_lines, tag_lines, require_lines, None)
    said["contacts"] = tuple([contact._replace(expires=DEFAULT_EXPIRES) for contact in said["contacts"]])
    said["expires"], said["expires_stated"] = DEFAULT_EXPIRES, False
    return said
