# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session that Ansible holds: what its connection answers and raises. tests/kernel/netconf has the real one."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.connection import ConnectionError

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.netconf_reply import errors_of, reply_of
from ansible_collections.sipmobility.handover.plugins.plugin_utils import netcommon_session
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netcommon_session import NetcommonSession

NAMESPACE = "urn:ietf:params:xml:ns:netconf:base:1.0"
RAISED: Any = ConnectionError  # Ansible's own interface is not typed
ERROR = f'<nc:rpc-error xmlns:nc="{NAMESPACE}"><nc:error-tag>in-use</nc:error-tag></nc:rpc-error>'


class Persistent:
    """Ansible's end of the socket. A stand-in.

    :param says: what ``rpc`` returns, or raises.
    """

    def __init__(self, says: str | Exception) -> None:
        self.closed = False
        self._says = says

    def rpc(self, operation: str) -> str:
        if isinstance(self._says, Exception):
            raise self._says
        return self._says

    def close(self) -> None:
        self.closed = True

    def get_capabilities(self) -> str:
        return json.dumps({"server_capabilities": ["urn:a", "urn:b"], "session_id": "17"})


def session(monkeypatch: pytest.MonkeyPatch, persistent: Persistent, transport: str = "netconf") -> NetcommonSession:
    monkeypatch.setattr(netcommon_session, "Connection", lambda _path: persistent)
    connection = SimpleNamespace(transport=f"ansible.netcommon.{transport}", socket_path="/nowhere")
    action: Any = SimpleNamespace(_connection=connection)
    return NetcommonSession(action)


def test_hello(monkeypatch: pytest.MonkeyPatch) -> None:
    one = session(monkeypatch, Persistent(""))
    assert (one.number, one.capabilities) == ("17", {"urn:a", "urn:b"})


@pytest.mark.parametrize(
    "said",
    [
        ERROR,
        f'<?xml version="1.0" encoding="UTF-8"?>{ERROR}',
        f'<?xml version="1.0" encoding="UTF-8"?>\n<rpc-reply xmlns="{NAMESPACE}">{ERROR}{ERROR}</rpc-reply>',
    ],
)
def test_what_the_server_refuses_is_an_answer(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """netcommon raises it: the one error, or the whole reply where there are several."""
    persistent = Persistent(RAISED(said))
    found = errors_of(reply_of(session(monkeypatch, persistent).request("<x/>")))
    assert {error.tag for error in found} == {"in-use"}
    assert not persistent.closed


def test_a_lost_session_is_closed_so_that_later_tasks_get_another(monkeypatch: pytest.MonkeyPatch) -> None:
    persistent = Persistent(RAISED("Not connected to\nNETCONF server"))
    with pytest.raises(HandoverError, match=r"session_lost: .*: Not connected to NETCONF server"):
        session(monkeypatch, persistent).request("<x/>")
    assert persistent.closed


def test_a_connection_with_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HandoverError, match="wrong_connection"):
        session(monkeypatch, Persistent(""), transport="ssh")
