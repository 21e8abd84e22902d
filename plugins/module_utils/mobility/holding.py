# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who had which address from when to when, as one entry of the history."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from .memory import Value

__all__ = ["Holding", "Owner", "Proof", "contact_name", "holding_from_value"]

#: An address of record and a ``+sip.instance`` (RFC 5626), or None: one phone.
Owner = Tuple[str, Optional[str]]


class Proof:
    """How well it is known that somebody had an address, from nothing to best."""

    #: A contact that its own packet belied: it came from elsewhere. Never counts for anybody.
    NONE = "none"
    #: The registrar lists the binding, or had it expire; the REGISTER itself was not seen.
    REGISTRAR = "registrar"
    #: The home server says so.
    HOME = "home"
    #: The REGISTER came from the address.
    SOURCE = "source"


class Holding(NamedTuple):
    """One owner had one address. It is plain data as it is: every registration makes, compares and keeps some.

    :ivar since: Unix seconds UTC; None where it began before anything was seen.
    :ivar until: when it ended; None while it lasts, or until ``expires`` is over.
    :ivar expires: expiry of the binding, Unix seconds UTC.
    :ivar ended: ``left`` (seen elsewhere), ``removed`` (by the phone itself), ``expired``; empty while it lasts.
    :ivar proof: one of :class:`Proof`.
    :ivar call_id: Call-ID of the REGISTER that bound it last, or None.
    :ivar flow: ``reg-id`` (RFC 5626) of the contact, or None.
    :ivar contact: the contact that was bound last, as :func:`contact_name` has it; None where no REGISTER was seen.
    """

    aor: str
    instance: Optional[str]
    since: Optional[float]
    until: Optional[float]
    expires: float
    ended: str
    proof: str
    call_id: Optional[str] = None
    flow: Optional[int] = None
    contact: Optional[str] = None

    @property
    def owner(self) -> Owner:
        """Whose it is."""
        return (self.aor, self.instance)

    def end(self, moment: float) -> Optional[float]:
        """When it was over, seen at ``moment``; None when it lasts."""
        if self.until is not None:
            return self.until
        return self.expires if self.expires <= moment else None

    def usable(self, moment: float, grace: float) -> bool:
        """Whether its owner may still name the address as his old one: while it lasts, and in the grace after it.

        One who was seen elsewhere may do so as long as his binding would have lasted.
        """
        if self.proof == Proof.NONE:
            return False
        end = self.end(moment)
        last = self.expires if self.ended == "left" else moment if end is None else end
        return moment <= last + grace

    def concerns(self, uri: str) -> bool:
        """Whether the end of a contact's binding is the end of this one: another one may be bound beside it by now."""
        return self.contact is None or self.contact == contact_name(uri)

    def why_ended(self, moment: float) -> str:
        """As ``ended``, with ``expired`` once its time is over."""
        return "expired" if not self.ended and self.end(moment) is not None else self.ended


def contact_name(uri: str) -> str:
    """What tells the contacts of one phone apart: scheme, user, host and port.

    Servers add parameters of their own, and some the port that goes without saying (RFC 3261 section 19.1.2).
    """
    return uri.partition(";")[0].partition("?")[0].lower().removesuffix(":5060")


def holding_from_value(value: Value) -> Holding:
    """A holding from plain data."""
    return Holding(*value)
