# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sessions that a mobile node lists: whether they are believed, and as what.

They are asked about after the pair of addresses was: a list that is not believed takes nothing from the pair, but is
dropped whole, with the reason.
"""

from __future__ import annotations

from typing import Iterable, Optional, Tuple

from ..sip.refusal import Refusal
from ..sip.sessions_body import ListedSession
from .admission import SECURE_TRANSPORTS, is_one_hosts
from .claim import Claim
from .handover import Session
from .pairs import AddressPair
from .registration_policy import Policy

__all__ = ["CODES", "believed_sessions", "dated_sessions"]

#: Code of every reason to drop a list, in the order in which they are asked, and what it means.
CODES = {
    "sessions_not_protected": "The list of sessions came where it could be altered; the pair stays without it.",
    "sessions_of_other_address": "The list of sessions is of another old address; the pair stays without it.",
    "sessions_with_no_host": "A listed correspondent is no single host, or the phone; the pair stays without the list.",
    "sessions_not_datable": "The old address is another's by now; what was not listed before he came is left out.",
}


def believed_sessions(claim: Claim, policy: Optional[Policy]) -> Tuple[Tuple[Session, ...], Optional[Refusal]]:
    """The sessions of a claim that was believed itself, and why its list was dropped, if it was.

    :param policy: None where the input is only parsed.
    """
    listed = claim.registration.listed
    if listed is None:
        return (), None
    if policy is not None and policy.require_protected_sessions and not _protected(claim):
        qop = claim.registration.authenticated_qop or "none"
        return _dropped(claim, "sessions_not_protected", f"over {claim.registration.transport}, qop {qop}")
    if listed.old != claim.old:
        return _dropped(claim, "sessions_of_other_address", f"of {listed.old}, the old address is {claim.old}")
    for session in listed.sessions:
        peer = session.correspondent
        if peer in (claim.old, claim.new) or not is_one_hosts(peer):
            return _dropped(claim, "sessions_with_no_host", f"the correspondent of a session is {peer}")
    return tuple(_session(item) for item in listed.sessions), None


def dated_sessions(
    pair: AddressPair, listed_before: Iterable[Session], moment: float, grace: float
) -> Tuple[Tuple[Session, ...], Optional[Refusal]]:
    """Those of a pair's sessions that are from the time in which the phone had its old address, and why others are not.

    Once somebody else has the address, a phone could list his sessions. Its own ones it listed before, or lists as soon
    as it has moved: two phones that change places come there together.

    :param moment: when the list came, Unix seconds UTC.
    :param grace: seconds after the phone's time in which a list is still believed.
    """
    if not pair.reassigned or (pair.held_to is not None and moment <= pair.held_to + grace):
        return pair.sessions, None
    known = {_seen(session) for session in listed_before}
    kept = tuple(session for session in pair.sessions if _seen(session) in known)
    if len(kept) == len(pair.sessions):
        return kept, None
    why = f"{len(pair.sessions) - len(kept)} of {len(pair.sessions)} were not listed before"
    return kept, Refusal("sessions_not_datable", why, pair.source)


def _seen(session: Session) -> Tuple[object, ...]:
    """The session as its phone sees it."""
    return (session.protocol, session.port, *session.seen)


def _protected(claim: Claim) -> bool:
    """RFC 7616 section 3.4.3: the digest covers the body with auth-int only; TLS covers all."""
    registration = claim.registration
    verified = registration.authenticated_user is not None and registration.authenticated_qop == "auth-int"
    return verified or registration.transport in SECURE_TRANSPORTS


def _session(item: ListedSession) -> Session:
    # What the phone sees is the correspondent's outside; whether it has another inside, its own router knows.
    return Session(item.protocol, item.port, item.correspondent, item.correspondent_port)


def _dropped(claim: Claim, code: str, why: str) -> Tuple[Tuple[Session, ...], Refusal]:
    return (), Refusal(code, why, claim.registration.where)
