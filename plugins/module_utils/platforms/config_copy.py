# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CISCO-CONFIG-COPY-MIB: what a router says of a request to merge a file into its configuration, or to send it."""

from __future__ import annotations

from typing import List, Mapping, Optional, Sequence, Tuple

from ..errors import HandoverError
from .varbinds import Varbind

__all__ = ["ENTRY", "SOME_REFUSED", "forget", "outcome", "questions", "refused"]

#: ccCopyEntry.
ENTRY = "1.3.6.1.4.1.9.9.96.1.1.1.1"
_STATE, _CAUSE, _STATUS = 10, 13, 14
_SUCCESSFUL, _FAILED = "3", "4"
_SOME_FAILED = "7"
#: The code of the error for a file of which some lines were refused, and the others stand.
SOME_REFUSED = "some_lines_refused"

#: ConfigCopyFailCause, each with what to do.
_CAUSES: Mapping[str, Tuple[str, str]] = {
    "1": ("unknown", "Look at the router's log."),
    "2": ("badFileName", "The router asked for the file and did not get it: another router may have been quicker."),
    "3": (
        "timeout",
        "The router must reach this controller, TFTP at UDP port 69, scp at TCP port 22: look at firewalls.",
    ),
    "4": ("noMem", "Free memory on the router."),
    "5": ("noConfig", "Look at the router's log."),
    "6": ("unsupportedProtocol", "The router's software has no such protocol: choose another handover_copy_protocol."),
    _SOME_FAILED: ("someConfigApplyFailed", "Some lines were refused, and the others stand: read the router back."),
    "8": ("systemNotReady", "Try again in a while."),
    "9": ("requestAborted", "Somebody ended the request on the router."),
}


def questions(request: int) -> List[str]:
    """What is asked of a request, again and again."""
    return [f"{ENTRY}.{column}.{request}" for column in (_STATE, _CAUSE)]


def forget(request: int) -> Varbind:
    """What takes a request away."""
    return Varbind(f"{ENTRY}.{_STATUS}.{request}", "i", "6")


def outcome(router: str, request: int, said: Sequence[Varbind]) -> Optional[bool]:
    """Whether a request was carried out; False while it is not yet, None where the router does not know it.

    :param said: the answer to :func:`questions`.
    :raises HandoverError: ``copy_failed``, with the router's own cause; :data:`SOME_REFUSED`.
    """
    state, cause = (next((item.value for item in said if item.oid == asked), None) for asked in questions(request))
    if state is None:
        return None
    if state == _FAILED:
        name, advice = _CAUSES.get(cause or "1", (f"cause {cause}", "Look at the router's log."))
        code = SOME_REFUSED if cause == _SOME_FAILED else "copy_failed"
        raise HandoverError(code, f"{router}: {name}", "the router takes the whole file", advice)
    return state == _SUCCESSFUL


def refused(router: str, status: str) -> HandoverError:
    """The error for a request that the router does not begin."""
    if status in ("noAccess", "authorizationError"):
        return HandoverError(
            "no_privilege",
            f"{router}: {status}",
            "the SNMP user's view lets ccCopyTable be written",
            "Give the user a view that includes CISCO-CONFIG-COPY-MIB.",
        )
    if status in ("notWritable", "noCreation", "noSuchName", "readOnly"):
        return HandoverError(
            "not_writable",
            f"{router}: {status}",
            "the router has CISCO-CONFIG-COPY-MIB",
            "Reach this router by its command line: platform ios.",
        )
    return HandoverError("step_refused", f"{router}: {status}", "the router takes the request to copy a file")
