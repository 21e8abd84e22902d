# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a NETCONF server answers (RFC 6241 section 4): its data, or its errors, and what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Mapping, Tuple
from xml.etree.ElementTree import Element, ParseError, XMLParser

from ..errors import HandoverError

__all__ = ["BASE", "LONGEST", "RpcError", "diagnosis", "errors_of", "lock_refused", "reply_of", "words_of"]

#: The namespace of the protocol itself, as in the tags of its elements.
BASE = "{urn:ietf:params:xml:ns:netconf:base:1.0}"

#: Characters of the longest answer that is read: some 30,000 entries.
LONGEST = 32 * 1024 * 1024

#: What an error-tag (RFC 6241, appendix A), or an app-tag, means: code, rule, advice.
_MEANINGS: Mapping[str, Tuple[str, str, str]] = {
    "in-use": ("lock_held", "nobody else holds the datastore", "Wait until the other session is done."),
    "data-exists": (
        "router_changed",
        "a router stands as it was read a moment before",
        "Somebody else changed it. Run again, from what the router holds now.",
    ),
    "data-missing": (
        "router_changed",
        "a router stands as it was read a moment before",
        "Somebody else changed it. Run again, from what the router holds now.",
    ),
    # The app-tag of a leafref without its leaf (RFC 7950 section 15.5); in a step only interfaces are such.
    "instance-required": (
        "no_such_interface",
        "the inside interface is configured on the router",
        "Check handover_inside_interface.",
    ),
    "access-denied": ("no_privilege", "the login may change NAT and routing", "Give the login that right."),
    "resource-denied": ("table_full", "the router has room for the entries", "Free resources on the router."),
    "too-big": ("table_full", "the router takes a request of this size", "Change fewer handovers at once."),
    "unknown-namespace": ("syntax_refused", "the router knows our modules", "Load the modules on it."),
    "unknown-element": ("syntax_refused", "the router knows the elements of a step", ""),
    "operation-not-supported": ("syntax_refused", "the router supports the operation", ""),
}


@dataclass(frozen=True)
class RpcError:
    """One ``rpc-error``; what the server left out is empty."""

    tag: str
    app_tag: str
    path: str
    message: str

    def __str__(self) -> str:
        said = " ".join(part for part in (self.tag, self.message or self.app_tag) if part)
        return f"{said} at {self.path}" if self.path else said


def reply_of(text: str) -> Element:
    """The ``rpc-reply`` in a server's answer.

    :raises HandoverError: ``answer_too_long``, ``unreadable_answer``.
    """
    if len(text) > LONGEST:
        raise HandoverError("answer_too_long", f"{len(text)} characters", f"an answer has at most {LONGEST} characters")
    if "<!DOCTYPE" in text:  # NETCONF has none (RFC 6241 section 3), and entities grow without bound
        raise _unreadable(text, "an answer has no document type")
    parser = XMLParser()
    try:
        parser.feed(text)
        root: Element = parser.close()
    except (ParseError, ValueError) as error:
        raise _unreadable(f"{error}: {text[:120]}", "an answer is one XML document") from error
    if root.tag != f"{BASE}rpc-reply":
        raise _unreadable(root.tag, "an answer is an rpc-reply of NETCONF 1.0 or 1.1")
    return root


def errors_of(reply: Element) -> List[RpcError]:
    """The errors in a reply; warnings are none."""
    found = []
    for item in reply.iter(f"{BASE}rpc-error"):
        if _text(item, "error-severity") != "warning":
            found.append(RpcError(*(_text(item, f"error-{name}") for name in ("tag", "app-tag", "path", "message"))))
    return found


def words_of(reply: Element) -> str:
    """What a server says in its errors, in messages and in ``error-info`` of its own."""
    parts = [part for item in reply.iter(f"{BASE}rpc-error") for part in item if part.tag.endswith(("message", "info"))]
    return "; ".join(dict.fromkeys(" ".join(" ".join(part.itertext()).split()) for part in parts))


def diagnosis(router: str, errors: List[RpcError]) -> HandoverError:
    """What a server's errors mean; the first one that is known tells the code, and all are told."""
    for error in errors:
        for tag in (error.app_tag, error.tag):
            if tag in _MEANINGS:
                code, rule, advice = _MEANINGS[tag]
                return HandoverError(code, f"{router}: {error}", rule, advice)
    return HandoverError("step_refused", f"{router}: {_told(errors)}", "the router takes the step")


def lock_refused(router: str, errors: List[RpcError]) -> HandoverError:
    """The error for a lock that a server refuses, whatever tag it has for that."""
    return HandoverError(
        "lock_held",
        f"{router}: {_told(errors)}",
        "nobody else holds the datastore's lock, or has changes in it that are not committed",
        "Wait until the other session is done, or end it on the router. The router is unchanged.",
    )


def _told(errors: List[RpcError]) -> str:
    return "; ".join(dict.fromkeys(map(str, errors))) or "no word"


def _text(item: Element, name: str) -> str:
    return re.sub(r"\s+", " ", item.findtext(f"{BASE}{name}") or "").strip()


def _unreadable(what: str, rule: str) -> HandoverError:
    return HandoverError("unreadable_answer", what, rule, "The server, or something between, is not what it seems.")
