# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests of a node that moved: REGISTER with the patent's tag and the list of sessions, NOTIFY within a call."""

from __future__ import annotations

from collections.abc import Sequence

from ..plugins.module_utils.sip.grammar import Address
from ..plugins.module_utils.sip.header import OPTION_TAG
from ..plugins.module_utils.sip.sessions_body import (
    MAX_SESSIONS,
    MEDIA_TYPE,
    ListedSession,
    SessionList,
    sessions_to_body,
)
from .model import Dialog, Profile, State
from .sip.request import Request, host_text

__all__ = ["contact_uri", "notify", "register"]


def contact_uri(profile: Profile, address: Address) -> str:
    """Where the user agent is reached."""
    return f"sip:{profile.user}@{host_text(address)}:{profile.contact_port}"


def register(
    profile: Profile, state: State, tag: str, here: Address, expires: int, old: Address | None, sessions: _Sessions = ()
) -> Request:
    """A REGISTER (RFC 3261 section 10.2), of the state's Call-ID and CSeq.

    :param tag: of From.
    :param here: the address that is bound.
    :param expires: seconds; 0 removes the binding.
    :param old: the address that the sessions were opened with: the patent's tag. None registers as any phone does.
    """
    headers, body = _told(profile, old, sessions)
    return Request(
        method="REGISTER",
        uri=f"sip:{profile.domain}",
        from_=f"<{profile.aor}>;tag={tag}",
        to=f"<{profile.aor}>",
        call_id=state.call_id,
        cseq=state.cseq,
        contacts=(_contact(profile, here, state.instance),),
        expires=expires,
        headers=headers,
        agent=profile.agent,
        body=body,
    )


def notify(
    profile: Profile, instance: str, dialog: Dialog, cseq: int, here: Address, old: Address, sessions: _Sessions
) -> Request:
    """A NOTIFY within a call, for the server of its correspondent, with the sessions that this one has a part in.

    :param instance: as the registration has it: an owner is an address of record and an instance.
    """
    headers, body = _told(profile, old, sessions)
    return Request(
        method="NOTIFY",
        uri=dialog.remote_target,
        from_=f"<{dialog.local_uri}>;tag={dialog.local_tag}",
        to=f"<{dialog.remote_uri}>;tag={dialog.remote_tag}",
        call_id=dialog.call_id,
        cseq=cseq,
        contacts=(_contact(profile, here, instance),),
        headers=(
            *(f"Route: {value}" for value in dialog.route),
            *headers,
            # RFC 6665 section 8.2 wants them in every NOTIFY.
            "Event: dialog",
            "Subscription-State: active",
        ),
        agent=profile.agent,
        body=body,
    )


_Sessions = Sequence[ListedSession]


def _contact(profile: Profile, here: Address, instance: str) -> str:
    named = f';+sip.instance="<{instance}>"' if instance else ""
    return f"<{contact_uri(profile, here)}>{named}"


def _told(profile: Profile, old: Address | None, sessions: _Sessions) -> tuple[tuple[str, ...], bytes]:
    """Header lines and body that tell of the old address."""
    if old is None:
        return (), b""
    lines = (f"Require: {OPTION_TAG}", f"{OPTION_TAG}: <sip:{profile.user}@{host_text(old)}>")
    if not sessions:
        return lines, b""
    body = sessions_to_body(SessionList(old, tuple(sessions[:MAX_SESSIONS])))
    return (*lines, f"Content-Type: {MEDIA_TYPE}", "Content-Disposition: render;handling=optional"), body
