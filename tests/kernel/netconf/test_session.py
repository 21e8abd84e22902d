# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session by ncclient with servers that do not answer as they should: every request is answered, or is an error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.plugin_utils.ncclient_session import NcclientSession

from ...standins.netconf_router import crashes
from ...standins.netconf_router.server import NetconfServer
from ..conftest import LAN, refusal
from ..namespaces import Namespace, until

pytestmark = crashes.once_more

BASE = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
WHOLE = f"<get-config {BASE}><source><running/></source></get-config>"
HELLO = (
    f"<hello {BASE}><capabilities><capability>urn:ietf:params:netconf:base:1.1</capability></capabilities>"
    "<session-id>1</session-id></hello>]]>]]>"
)
#: Passes on what it reads, once it has the end of a message in chunks.
GATHER = r"""
import os
got = read = os.read(0, 65536)
while read and b"\n##\n" not in got:
    read = os.read(0, 65536)
    got += read
os.write(1, got)
os.execlp("cat", "cat")
"""
#: Waits for the end of a message in chunks.
ASKED = "sed -n '/^##$/q'"


class GatheringServer(NetconfServer):
    """netconfd, which gets a client's hello and first request in one read: on a busy machine that happens by itself."""

    @property
    def subsystem(self) -> str:
        return f"{sys.executable} -IS -c '{GATHER}' | {{ {super().subsystem}; }}"


class Greeter(NetconfServer):
    """No netconfd: a shell that greets, waits until it is asked, and then does what it is told to."""

    then = ""

    @property
    def subsystem(self) -> str:
        return f"printf %s '{HELLO}'\n{ASKED}\n{self.then}\n"


@pytest.fixture
def gathering(netconf_built: Path, tmp_path: Path) -> Iterator[NetconfServer]:
    with Namespace() as namespace:
        namespace.shell(LAN)
        with GatheringServer(namespace, netconf_built, tmp_path).serving() as serving:
            yield serving


def test_a_first_request_that_netconfd_lays_aside(gathering: NetconfServer) -> None:
    """It keeps what came with the hello until more comes."""
    with gathering.session() as session:
        assert "<name>lan</name>" in session.request(WHOLE)
        assert "<name>lan</name>" in session.request(WHOLE)
    with gathering.session() as session:
        assert [answer.count("<name>lan</name>") for answer in session.requests(WHOLE, WHOLE)] == [1, 1]


def test_a_session_that_only_closes(gathering: NetconfServer, tmp_path: Path) -> None:
    gathering.session().close()
    assert "shut by remote peer" not in (tmp_path / "netconfd.out").read_text()


@contextmanager
def greeted(built: Path, home: Path, then: str, seconds: float) -> Iterator[NcclientSession]:
    """A session with a greeter, whose answers may take so long."""
    with Namespace() as namespace:
        server = Greeter(namespace, built, home)
        server.then = then
        with server.only_ssh():
            until(lambda: ":830 " in namespace.shell("ss -ltn").stdout)
            with server.session(replace(server.login(), timeout=seconds)) as session:
                yield session


def test_an_answer_that_is_no_xml(netconf_built: Path, tmp_path: Path) -> None:
    """Whoever waits is told at once, not when his patience is over."""
    with greeted(netconf_built, tmp_path, rf"printf '\n#7\nno XML!\n##\n'; {ASKED}", 30) as session:
        told = refusal(lambda: session.request(WHOLE))
    assert (told.code, "'no XML!'" in told.subject) == ("session_lost", True)


def test_a_server_that_does_not_answer(netconf_built: Path, tmp_path: Path) -> None:
    with greeted(netconf_built, tmp_path, "exec sed -n ''", 1.5) as session:
        told = refusal(lambda: session.request(WHOLE))
    assert (told.code, told.subject) == ("session_lost", "127.0.0.1: no answer in time")
