# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests as facts: what a REGISTER states, and what a tagged INVITE or NOTIFY does (US 7,082,118)."""

from __future__ import annotations

from typing import List, Optional, Tuple

from ..errors import HandoverError
from .body import read_body
from .header import OPTION_TAG, claimed_user
from .message import Message
from .name_addr import NameAddr
from .register_headers import headers_of_dialog_request
from .registration import Correspondent, Registration
from .stated import stated
from .uri import Uri, address_of_record

__all__ = ["IN_DIALOG", "METHODS", "parties", "registration_of"]

#: Methods that carry the tag within a dialog.
IN_DIALOG = ("INVITE", "NOTIFY")
#: Methods of which a message may become a Registration.
METHODS = frozenset(("REGISTER", *IN_DIALOG))

_OPTION_TAG = OPTION_TAG.lower()


def registration_of(message: Message, where: str) -> Optional[Registration]:
    """The fact that a request states, as far as its own text goes.

    None for other methods, for responses, and for an INVITE or NOTIFY without the tag. A body is read beside the
    tag only.

    :raises HandoverError: ``bad_contact``, ``bad_number``, ``bad_old_address``, ``bad_header``, ``not_in_dialog``.
    """
    if message.method not in METHODS:
        return None
    if message.method == "REGISTER":
        said = message.registers.copy()
    else:
        tag, require = message.values(_OPTION_TAG), message.values("require")
        require += [value for value in message.values("proxy-require") if _OPTION_TAG in value.lower()]
        if not tag and not any(_OPTION_TAG in value.lower() for value in require):
            return None
        said = headers_of_dialog_request(message.values("contact"), tag, require)
        if not said["old_hosts"] and not said["tag_required"]:
            return None
        said["aor"], said["correspondent"] = parties(message.from_, message.to, message.uri)
        said["claimed_user"] = claimed_user([*message.authorization, *message.values("proxy-authorization")])
        said["call_id"], said["cseq"], said["transport"] = message.call_id, message.cseq.number, message.transport
        said["method"] = message.method
    said["where"] = where
    if message.body and said["tag_required"] and said["old_hosts"]:
        body = read_body(
            _first(message.values("content-type")),
            message.body,
            where,
            _first(message.values("content-disposition")) or "",
            ", ".join(message.values("content-encoding")),
            offer=message.method == "INVITE",
        )
        said["listed"], said["media"], said["body_refused"] = body.listed, body.media, body.refused
    return stated(Registration, said)


def parties(from_: NameAddr, to: NameAddr, target: Optional[Uri]) -> Tuple[str, Correspondent]:
    """Who sends a request within a dialog, as address of record, and to whom.

    :param target: the Request-URI.
    :raises HandoverError: ``not_in_dialog``, where From or To has no tag (RFC 3261 section 12): nothing is moved yet.
    """
    if target is None or from_.param("tag") is None or to.param("tag") is None:
        raise HandoverError(
            "not_in_dialog",
            f"{from_.uri.text} {to.uri.text}",
            "From and To of a tagged INVITE or NOTIFY have their tag",
        )
    other = Correspondent(address_of_record(to.uri), target.text, target.address, target.port)
    return address_of_record(from_.uri), other


def _first(values: List[str]) -> Optional[str]:
    return values[0] if values else None
