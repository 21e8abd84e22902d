# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registrations as facts (RFC 3261 section 10, RFC 5626, US 7,082,118)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional, Tuple

from .grammar import Address
from .refusal import Refusal
from .sdp import MediaEndpoint
from .sessions_body import SessionList

__all__ = ["DEFAULT_EXPIRES", "Binding", "Contact", "Correspondent", "Expired", "Registration"]

#: Seconds of a binding whose request states none (RFC 3261 section 10.3 step 7 leaves it to the server).
DEFAULT_EXPIRES = 3600


class Contact(NamedTuple):
    """One contact of a REGISTER.

    :ivar uri: as received.
    :ivar host_text: the host as text, in lower case, IPv6 without brackets.
    :ivar host: the host as an address; None for a hostname.
    :ivar expires: seconds; 0 removes the binding.
    :ivar instance: ``+sip.instance`` (RFC 5626), a URN without angle brackets.
    :ivar reg_id: ``reg-id`` (RFC 5626).
    """

    uri: str
    host_text: str
    host: Optional[Address]
    port: Optional[int]
    expires: int
    instance: Optional[str] = None
    reg_id: Optional[int] = None


class Binding(NamedTuple):
    """A binding that the registrar held before the REGISTER.

    :ivar contact: its URI.
    :ivar host: the URI's host as an address; None for a hostname.
    :ivar received: the packet source the server noted for it, a SIP URI, or None.
    :ivar expires: absolute expiry, Unix seconds UTC, or None where the server does not say.
    """

    contact: str
    host: Optional[Address]
    port: Optional[int]
    received: Optional[str]
    expires: Optional[int]
    call_id: Optional[str]
    cseq: Optional[int]
    instance: Optional[str]


@dataclass(frozen=True)
class Correspondent:
    """The other party of the dialog that a tagged INVITE or NOTIFY belongs to.

    :ivar aor: canonical address of record, of To.
    :ivar target: the Request-URI: where the dialog's requests to it go (RFC 3261 section 12.2.1.1).
    :ivar address: that URI's host as an address; None for a hostname.
    """

    aor: str
    target: str
    address: Optional[Address]
    port: Optional[int]


@dataclass(frozen=True)
class Registration:
    """One REGISTER as a fact; or a tagged INVITE or NOTIFY, which says the same to the server of one correspondent.

    What the input cannot know is None.

    :ivar aor: canonical address of record: scheme, user, host in lower case. Of To, in an INVITE or NOTIFY of From.
    :ivar contacts: the contacts; empty for a query and for the asterisk.
    :ivar removes_all: the Contact is ``*``: every binding goes.
    :ivar old_hosts: every host in the patent's header lines, as text.
    :ivar old_addresses: those of them that are IP literals. Shorter than ``old_hosts`` where one is a hostname.
    :ivar tag_required: Require names the option tag.
    :ivar call_id: Call-ID; None where the input does not have it, and so nothing can be said of a replay.
    :ivar cseq: CSeq number; None where the input does not have it.
    :ivar expires: seconds that the longest-lived contact asks for; 0 when everything named is removed.
    :ivar expires_stated: whether the input says so; else it is :data:`DEFAULT_EXPIRES`.
    :ivar instance: ``+sip.instance`` of the first contact that stays, else of the first.
    :ivar source_address: packet source; None where the input does not have it.
    :ivar transport: ``udp``, ``tcp``, ``tls``, ``ws``, ``wss``, ``sctp``, ...; None where the input does not say.
    :ivar authenticated_user: whom the server authenticated; None for nobody, or where the input does not say.
    :ivar authenticated_realm: the realm of those credentials.
    :ivar claimed_user: user name in the message's own Authorization header, which nobody has checked.
    :ivar bindings_before: what the registrar held for this AOR before.
    :ivar server_address: the server's address that the packet came to, where the input has it.
    :ivar received_at: Unix seconds UTC; None where the input has no time.
    :ivar where: file and line.
    :ivar method: ``REGISTER``, ``INVITE`` or ``NOTIFY``. The other two never have ``bindings_before``.
    :ivar correspondent: whom an INVITE or NOTIFY is for; None of a REGISTER, which is for all.
    :ivar authenticated_qop: what the digest covered that the server verified: ``auth``, or ``auth-int`` for the body
        as well (RFC 7616 section 3.4.3); None where the input does not say.
    :ivar listed: the sessions that a tagged request's body lists.
    :ivar media: where the offer in an INVITE wants media (RFC 3264).
    :ivar body_refused: what of the body could not be read; the rest holds without it.
    :ivar snapshot: nobody registered at this moment: the registrar says that it holds this binding. ``expires`` are
        the seconds left when it said so.
    :ivar held_since: of a snapshot, when the binding was last registered, Unix seconds UTC, or None.
    """

    aor: str
    contacts: Tuple[Contact, ...]
    removes_all: bool
    old_hosts: Tuple[str, ...]
    old_addresses: Tuple[Address, ...]
    tag_required: bool
    call_id: Optional[str]
    cseq: Optional[int]
    expires: int
    expires_stated: bool
    instance: Optional[str]
    source_address: Optional[Address]
    source_port: Optional[int]
    transport: Optional[str]
    authenticated_user: Optional[str]
    authenticated_realm: Optional[str]
    claimed_user: Optional[str]
    bindings_before: Tuple[Binding, ...]
    server_address: Optional[Address]
    received_at: Optional[float]
    where: str
    method: str = "REGISTER"
    correspondent: Optional[Correspondent] = None
    authenticated_qop: Optional[str] = None
    listed: Optional[SessionList] = None
    media: Tuple[MediaEndpoint, ...] = ()
    body_refused: Tuple[Refusal, ...] = ()
    snapshot: bool = False
    held_since: Optional[float] = None

    @property
    def tagged(self) -> bool:
        """Whether both halves of the patent's tag are there: its header, and the option tag in Require."""
        return self.tag_required and bool(self.old_hosts)

    @property
    def half_tagged(self) -> bool:
        """Whether one half is there without the other."""
        return self.tag_required != bool(self.old_hosts)

    @property
    def removes(self) -> bool:
        """Whether it only removes bindings (RFC 3261 section 10.2.2)."""
        return self.removes_all or (bool(self.contacts) and all(contact.expires == 0 for contact in self.contacts))

    @property
    def live_contacts(self) -> Tuple[Contact, ...]:
        """The contacts that it binds."""
        return tuple(contact for contact in self.contacts if contact.expires > 0)


@dataclass(frozen=True)
class Expired:
    """The registrar dropped a binding by itself, most often because its time was over.

    :ivar aor: canonical address of record; only its user part where the server keeps no domain.
    :ivar host: host of the contact as an address; None for a hostname.
    :ivar received_at: Unix seconds UTC; None where the input has no time.
    """

    aor: str
    contact: str
    host: Optional[Address]
    call_id: Optional[str]
    instance: Optional[str]
    received_at: Optional[float]
    where: str
