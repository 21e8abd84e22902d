# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in: the datastores and operations of one router, without a network."""

from __future__ import annotations

import copy
from xml.etree.ElementTree import Element, ParseError, fromstring, tostring

from .flows import Flows
from .statements import Refusal, edit, plain

__all__ = ["CAPABILITIES", "Router"]

_BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
_XNM = "http://xml.juniper.net/xnm/1.1/xnm"
#: As Junos announces them: RFC 4741's confirmed commit, which no operation cancels.
CAPABILITIES = (
    "urn:ietf:params:netconf:base:1.0",
    "urn:ietf:params:netconf:capability:candidate:1.0",
    "urn:ietf:params:netconf:capability:confirmed-commit:1.0",
    "urn:ietf:params:netconf:capability:validate:1.0",
    "http://xml.juniper.net/netconf/junos/1.0",
)


class Router:
    """One router. Sessions are told apart by their numbers.

    :ivar fails: operations that are refused the next time, by their names.
    """

    def __init__(self, start: str = "<configuration/>") -> None:
        self.running = plain(fromstring(start))
        self.candidate = copy.deepcopy(self.running)
        self.flows = Flows()
        self.asked: list[str] = []
        self.fails: list[str] = []
        self.unconfirmed: Element | None = None
        self._committer: int | None = None
        self._before: list[Element] = []
        self._locked: int | None = None

    def answer(self, session: int, request: str) -> str:
        """The reply to one operation."""
        try:
            operation = plain(fromstring(request))
            if operation.tag == "rpc":
                operation = operation[0]
            confirmed = operation.find("confirmed") is not None
            self.asked.append(f"{operation.tag} confirmed" if confirmed else operation.tag)
            if operation.tag in self.fails:
                self.fails.remove(operation.tag)
                raise Refusal("operation-failed", "", "as the test wants it")
            return _reply(self._done(session, operation))
        except ParseError as error:
            return _reply(_error(Refusal("malformed-message", "", str(error))))
        except Refusal as refusal:
            return _reply(_error(refusal))

    def end(self, session: int) -> None:
        """The session is over: its lock goes, and so does what it did not confirm."""
        if self._locked == session:
            self._locked = None
            self.candidate = copy.deepcopy(self.running)
        if self._committer == session:
            self.expire()

    def expire(self) -> None:
        """Nobody confirmed in time."""
        if self.unconfirmed is not None:
            self.running, self.unconfirmed = self.unconfirmed, None
            self.candidate = copy.deepcopy(self.running)

    def _done(self, session: int, operation: Element) -> str:
        if operation.tag == "get-config":
            source = operation.find("source")
            shown = self.candidate if source is not None and source.find("candidate") is not None else self.running
            text = tostring(shown, encoding="unicode").replace("<configuration", f'<configuration xmlns="{_XNM}"', 1)
            return f"<data>{text}</data>"
        if operation.tag == "lock":
            if self._locked not in (None, session):
                raise Refusal("lock-denied", "", "configuration database locked by another session")
            if _text(self.candidate) != _text(self.running):
                raise Refusal("lock-denied", "", "configuration database modified")
            self._locked = session
            return "<ok/>"
        if operation.tag == "unlock":
            self._locked = None
            return "<ok/>"
        if operation.tag == "clear-flow-session":
            return f"<clear-flow-session-information><clear-count>{self.flows.clear(operation)}</clear-count>" + (
                "</clear-flow-session-information>"
            )
        if self._locked != session:
            raise Refusal("operation-failed", "", "the candidate is not locked by this session")
        return self._changed(operation)

    def _changed(self, operation: Element) -> str:
        if operation.tag == "edit-config":
            change = operation.find("config/configuration")
            if change is None:
                raise Refusal("missing-element", "/config", "no configuration")
            self.candidate, warnings = edit(self.candidate, change)
            return "<ok/>" + "".join(map(_error, warnings))
        if operation.tag == "load-configuration":
            self.candidate = copy.deepcopy(self._before[-int(operation.get("rollback", "1"))])
            return "<load-configuration-results><ok/></load-configuration-results>"
        if operation.tag == "discard-changes":
            self.candidate = copy.deepcopy(self.running)
            return "<ok/>"
        if operation.tag == "commit":
            _checked(self.candidate)
            confirmed = operation.find("confirmed") is not None
            if _text(self.candidate) != _text(self.running):
                self._before.append(self.running)
            if confirmed and self.unconfirmed is None:
                self.unconfirmed, self._committer = self.running, self._locked
            elif not confirmed:
                self.unconfirmed = None
            self.running = copy.deepcopy(self.candidate)
            return "<ok/>"
        raise Refusal("operation-not-supported", f"/{operation.tag}", "unknown command")


def _checked(configuration: Element) -> None:
    """What a commit checks: whatever is referred to is there."""
    for side in ("destination", "source"):
        pools = {item.findtext("name") for item in configuration.iterfind(f"security/nat/{side}/pool")}
        held = [item.findtext("name") for item in configuration.iterfind(f"security/nat/{side}/pool/address")]
        if side == "source" and len(set(held)) != len(held):
            raise Refusal("operation-failed", "", "addresses of source pools overlap")
        for rules in configuration.iterfind(f"security/nat/{side}/rule-set"):
            if rules.find("from/*") is None or rules.find("rule") is None:
                raise Refusal("operation-failed", "", f"rule-set {rules.findtext('name')} is not complete")
            for name in rules.iterfind(f"rule/then/{side}-nat/pool/pool-name"):
                if name.text not in pools:
                    raise Refusal("operation-failed", "", f"pool {name.text} is not defined")
    known = {item.findtext("name") for item in configuration.iterfind("applications/application")}
    for used in configuration.iter("application"):
        if len(used) == 0 and used.text not in known:
            raise Refusal("operation-failed", "", f"application {used.text} is not defined")
    for family in ("inet", "inet6"):
        filters = {item.findtext("name") for item in configuration.iterfind(f"firewall/family/{family}/filter")}
        for name in configuration.iterfind(f"interfaces/interface/unit/family/{family}/filter/input-list"):
            if name.text not in filters:
                raise Refusal("operation-failed", "", f"filter {name.text} is not defined")


def _text(configuration: Element) -> str:
    return tostring(configuration, encoding="unicode")


def _reply(body: str) -> str:
    return f'<rpc-reply xmlns="{_BASE}" xmlns:junos="http://xml.juniper.net/junos/18.2R3/junos">{body}</rpc-reply>'


def _error(refusal: Refusal) -> str:
    path = f"<error-path>{refusal.path}</error-path>" if refusal.path else ""
    return (
        f"<rpc-error><error-type>protocol</error-type><error-tag>{refusal.tag}</error-tag>"
        f"<error-severity>{refusal.severity}</error-severity>{path}"
        f"<error-message>{refusal.message}</error-message></rpc-error>"
    )
