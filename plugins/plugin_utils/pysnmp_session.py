# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SNMP session by pysnmp: SNMPv3 with authentication and privacy, and SNMPv2c only where that is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, TypeVar

from ..module_utils.errors import HandoverError
from ..module_utils.platforms.varbinds import Varbind
from .snmp_device import NO_ANSWER, Refusal
from .snmp_login import AUTH, PRIVACY, SnmpLogin

try:
    from pysnmp.error import PySnmpError
    from pysnmp.hlapi.v3arch import asyncio as hlapi
    from pysnmp.proto.rfc1902 import Integer32, IpAddress, Null, ObjectName, OctetString, Unsigned32
    from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject

    HAS_PYSNMP = True
except ImportError:
    HAS_PYSNMP = False

__all__ = ["PysnmpSession"]

#: Names of an error-status (RFC 3416 section 3), by number.
_STATUS = (
    "noError tooBig noSuchName badValue readOnly genErr noAccess wrongType wrongLength wrongEncoding wrongValue "
    "noCreation inconsistentValue resourceUnavailable commitFailed undoFailed authorizationError notWritable "
    "inconsistentName"
).split()
#: Objects that one walk reads, at most, and that are asked for at once.
_LONGEST, _AT_ONCE = 500_000, 25
#: What pysnmp tells, by the name of its class: an unknown login; an agent that began anew.
_LOGIN = frozenset(
    "UnknownUserName UnknownSecurityName WrongDigest AuthenticationFailure AuthenticationError DecryptionError "
    "UnsupportedSecurityLevel UnknownCommunityName EncryptionError".split()
)
_ANEW = frozenset(("UnknownEngineID", "NotInTimeWindow", "EngineIDMismatch"))

_Result = TypeVar("_Result")


class PysnmpSession:
    """A session, for one thread at a time.

    :raises HandoverError: ``library_missing``.
    """

    def __init__(self, login: SnmpLogin) -> None:
        if not HAS_PYSNMP:
            raise HandoverError("library_missing", "pysnmp", "the controller has pysnmp 7", "Install pysnmp.")
        self._login = login
        self._loop = asyncio.new_event_loop()
        self._engine = hlapi.SnmpEngine()
        self._met = False

    def __enter__(self) -> PysnmpSession:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the socket back."""
        self._engine.close_dispatcher()
        self._run(asyncio.sleep(0))  # the dispatcher's own task ends then
        self._loop.close()

    def get(self, oids: Sequence[str]) -> list[Varbind]:
        """The values of these objects; those that are not there are left out.

        :raises HandoverError: ``router_unreachable``, ``login_refused``, ``unknown_engine``, ``read_refused``.
        """
        found = self._asked(hlapi.get_cmd, (), [(ObjectName(oid), Null("")) for oid in oids])
        return [item for item in map(_varbind, found) if item is not None]

    def walk(self, below: str) -> list[Varbind]:
        """All objects below an OID.

        :raises HandoverError: as :meth:`get`; ``unreadable_answer`` for an agent that does not come to an end.
        """
        found: list[Varbind] = []
        last, root = ObjectName(below), ObjectName(below)
        while True:
            answer = self._asked(hlapi.bulk_cmd, (0, _AT_ONCE), [(last, Null(""))])
            for name, value in answer:
                if not root.isPrefixOf(name) or isinstance(value, EndOfMibView):
                    return found
                if not last < name or len(found) >= _LONGEST:
                    raise HandoverError(
                        "unreadable_answer",
                        f"{self._login.host}: {name} after {last}",
                        f"a walk goes upwards and has {_LONGEST} objects at most",
                    )
                last, item = name, _varbind((name, value))
                if item is not None:
                    found.append(item)
            if not answer:
                return found

    def set(self, varbinds: Sequence[Varbind]) -> Refusal | None:
        """Set all of these, or none, in one PDU that is sent once.

        :returns: what was refused; ``NO_ANSWER`` where it is not known whether it was done; None when it was.
        :raises HandoverError: as :meth:`get`; nothing was done then.
        """
        given = [(ObjectName(item.oid), _value(item)) for item in varbinds]
        told, status, index, _answer = self._sent(hlapi.set_cmd, (), given, 0)
        if told is not None:
            if type(told).__name__ == "RequestTimedOut":
                return Refusal(NO_ANSWER, 0)
            raise self._failed(told)
        return Refusal(_STATUS[int(status)], int(index)) if int(status) else None

    def _asked(self, command: Any, numbers: tuple[int, ...], varbinds: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        told, status, index, answer = self._sent(command, numbers, varbinds, self._login.retries)
        if told is not None:
            raise self._failed(told)
        if int(status):
            at = varbinds[int(index) - 1][0] if 0 < int(index) <= len(varbinds) else varbinds[0][0]
            raise HandoverError(
                "read_refused",
                f"{self._login.host}: {_STATUS[int(status)]} at {at}",
                "the SNMP user's view lets what a step needs be read",
                "Give the user a view of ifXTable, natAddrMapTable and inetCidrRouteTable.",
            )
        return list(answer)

    def _sent(self, command: Any, numbers: tuple[int, ...], varbinds: list[tuple[Any, Any]], retries: int) -> Any:
        """pysnmp's answer.

        An agent that began anew since it was asked last has told what it needs, and done nothing: it is asked once
        more. pysnmp makes nothing of that told when boots and time do not fit any longer, so a question that gets no
        answer is asked once more by somebody who has never met the agent.
        """
        met = self._met
        try:
            answer = self._run(self._send(command, numbers, varbinds, 0 if met else retries))
            name = type(answer[0]).__name__
            self._met = answer[0] is None
            if name in _ANEW or (name == "RequestTimedOut" and met and retries):
                self._forget()
                answer = self._run(self._send(command, numbers, varbinds, retries))
                self._met = answer[0] is None
            return answer
        except (PySnmpError, OSError) as error:
            raise self._failed(error) from error

    def _forget(self) -> None:
        self._engine.close_dispatcher()
        self._run(asyncio.sleep(0))  # the dispatcher's own task ends then
        self._engine = hlapi.SnmpEngine()

    async def _send(self, command: Any, numbers: tuple[int, ...], varbinds: list[tuple[Any, Any]], retries: int) -> Any:
        login = self._login
        kind = hlapi.Udp6TransportTarget if ":" in login.host else hlapi.UdpTransportTarget
        target = await kind.create((login.host, login.port), timeout=login.timeout, retries=retries)
        context = hlapi.ContextData()
        return await command(self._engine, self._who(), target, context, *numbers, *varbinds, lookupMib=False)

    def _run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        return self._loop.run_until_complete(coroutine)

    def _who(self) -> Any:
        login = self._login
        if login.community:
            return hlapi.CommunityData(login.community, mpModel=1)
        return hlapi.UsmUserData(
            login.user,
            login.auth_key,
            login.privacy_key,
            authProtocol=getattr(hlapi, AUTH[login.auth]),
            privProtocol=getattr(hlapi, PRIVACY[login.privacy]),
        )

    def _failed(self, told: BaseException) -> HandoverError:
        name, subject = type(told).__name__, f"{self._login.host}: {told}"
        if name in _LOGIN:
            return HandoverError(
                "login_refused",
                subject,
                "the router's agent knows the SNMP user, his keys and protocols",
                "Compare user, keys and protocols with the router's.",
            )
        if name in _ANEW:
            return HandoverError(
                "unknown_engine",
                subject,
                "the agent that answers is the one that was asked (RFC 3414 section 3.2)",
                "Another agent has the address now, or its clock goes back: look at the router.",
            )
        return HandoverError(
            "router_unreachable",
            subject,
            "the router's SNMP agent answers",
            "Check the way to the router, whether its agent runs, and the privacy key: some agents say nothing to a "
            "wrong one.",
        )


def _value(item: Varbind) -> Any:
    if item.kind == "i":
        return Integer32(int(item.value))
    if item.kind == "a":
        return IpAddress(item.value)
    return Unsigned32(int(item.value)) if item.kind == "u" else OctetString(item.octets)


def _varbind(pair: tuple[Any, Any]) -> Varbind | None:
    """A value as a variable binding; None for an object that is not there, or of a type that no step has."""
    name, value = pair
    if isinstance(value, (NoSuchObject, NoSuchInstance, EndOfMibView)):
        return None
    if isinstance(value, OctetString):
        return Varbind(str(name), "x", value.asOctets().hex())
    if isinstance(value, (Integer32, Unsigned32)):
        return Varbind(str(name), "i" if isinstance(value, Integer32) else "u", str(int(value)))
    return None
