# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The held command line of IOS, against the stand-in's dialogue over SSH on the loopback: no Cisco software."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import asyncssh
import pytest

from ansible_collections.sipmobility.handover.agent.service.config import Ssh
from ansible_collections.sipmobility.handover.agent.service.held_line import HeldLine
from ansible_collections.sipmobility.handover.agent.service.inventory import RouterEntry
from ansible_collections.sipmobility.handover.agent.service.login import Login
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.complaints import diagnosed
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from tests.standins.ios.configuration import RunningConfiguration
from tests.standins.ios.dialogue import Dialogue
from tests.standins.ios.server import serve

SECRET = "let-me-in"
STATIC = "ip nat inside source static 198.51.100.7 203.0.113.7"


class Router:
    """A stand-in that listens, and what is told to it; the loop is a thread's."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.config = RunningConfiguration("rb-with-a-long-name")
        self.entered = 0
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self.loop.run_forever)
        self._thread.start()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / "host"], check=True)
        self._server, self.port = self.run(serve(self.config, "standin", SECRET, self._count, host_key=place / "host"))
        self.known(place / "host.pub")

    def known(self, public: Path) -> None:
        """What the client knows of it."""
        kind, key, *_comment = public.read_text().split()
        (self.place / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def line(self, *, timeout: float = 10, **login: Any) -> HeldLine:
        told = {"user": "operator", "password": "standin", "become": "root", "become_password": SECRET, **login}
        entry = RouterEntry("rb", Login("127.0.0.1", self.port, **told), {})
        settings = Ssh(known_hosts=str(self.place / "known_hosts"), command_timeout=timeout)
        return HeldLine(entry, settings, Renderer(), self.loop)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def close(self) -> None:
        self.run(self._closed())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(60)
        self.loop.close()

    def drop(self) -> None:
        """Lose every connection."""
        self.run(_dropped())

    def _count(self) -> None:
        self.entered += 1

    async def _closed(self) -> None:
        self._server.close()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.sleep(0.05)


async def _dropped() -> None:
    for connection in _CONNECTIONS:
        connection.abort()
    _CONNECTIONS.clear()


_CONNECTIONS: list[Any] = []


@pytest.fixture
def router(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Router]:
    begun = asyncssh.SSHServer.connection_made

    def noted(self: asyncssh.SSHServer, connection: Any) -> None:
        _CONNECTIONS.append(connection)
        begun(self, connection)

    _CONNECTIONS.clear()
    monkeypatch.setattr(asyncssh.SSHServer, "connection_made", noted)
    made = Router(tmp_path)
    try:
        yield made
    finally:
        made.close()


def refusal(work: Callable[[], object]) -> HandoverError:
    with pytest.raises(HandoverError) as refused:
        work()
    return refused.value


def test_one_login_for_all_that_is_asked(router: Router) -> None:
    line = router.line()
    assert line.configure([STATIC, "interface lan", " ip nat inside"], forced=False) == {
        STATIC: "",
        "interface lan": "",
        " ip nat inside": "",
    }
    assert line.running("| section ^ip nat|^interface") == f"interface lan\n ip nat inside\n{STATIC}\n"
    assert line.ask("clear ip nat translation inside 203.0.113.7 198.51.100.7") == "% Translation not found\n"
    line.check()
    line.close()
    assert len(_CONNECTIONS) == 1


def test_lines_end_at_a_complaint(router: Router) -> None:
    line = router.line()
    said = line.configure(["interface lan", "no such word", f"no {STATIC}"], forced=False)
    assert list(said) == ["interface lan", "no such word"]
    assert "% Invalid input" in said["no such word"]
    # The dialogue is outside of configuration again.
    assert "hostname rb-with-a-long-name" in line.running("| include hostname")
    line.close()


def test_nothing_is_typed_where_configuration_is_locked(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    line = router.line()
    line.check()
    locked = "Configuration mode locked exclusively by user 'other' process '3' from terminal '0'. Please try later.\n"
    monkeypatch.setattr(Dialogue, "_privileged", lambda _self, _words, _line: locked)
    assert line.configure([STATIC, "hostname other"], forced=False) == {STATIC: locked}
    assert diagnosed("rb", STATIC, locked).code == "lock_held"
    assert router.config.hostname == "rb-with-a-long-name"
    line.close()


@pytest.mark.parametrize(("forced", "stands"), [(True, False), (False, True)])
def test_a_question_is_answered(router: Router, forced: bool, stands: bool) -> None:
    line = router.line()
    line.configure([STATIC], forced=False)
    line.ask("standin session 198.51.100.7 198.18.3.9:5060")
    said = line.configure([f"no {STATIC}"], forced)
    assert ("cannot remove" in said[f"no {STATIC}"]) == stands
    assert bool(router.config.nat.statics) == stands
    line.close()


def test_a_connection_that_is_lost_is_opened_again(router: Router) -> None:
    line = router.line()
    line.check()
    router.drop()
    assert refusal(line.check).code in ("script_cut", "router_unreachable")
    assert line.configure([STATIC], forced=False) == {STATIC: ""}
    assert len(_CONNECTIONS) == 1
    line.close()


def test_a_router_that_says_nothing_is_given_up_and_named(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    line = router.line(timeout=0.5)
    line.check()
    # A question that nobody knows: IOS waits for ever.
    monkeypatch.setattr(Dialogue, "prompt", lambda _self: "Proceed? [confirm]")
    told = refusal(lambda: line.configure([STATIC], forced=False))
    assert (told.code, told.subject[:4]) == ("router_timeout", "rb: ")
    assert "Proceed? [confirm]" in told.subject
    line.close()


@pytest.mark.parametrize(
    ("login", "code"),
    [
        ({"password": "another"}, "login_refused"),
        ({"become_password": "another"}, "login_refused"),
        ({"become": None}, "login_refused"),
    ],
)
def test_a_login_that_is_not_taken(router: Router, login: dict[str, Any], code: str) -> None:
    told = refusal(router.line(**login).check)
    assert (told.code, told.subject[:4]) == (code, "rb: ")
    assert "another" not in str(told)


def test_another_host_key_is_refused(router: Router) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", router.place / "stranger"], check=True)
    router.known(router.place / "stranger.pub")
    assert refusal(router.line().check).code == "unknown_host_key"
    (router.place / "known_hosts").unlink()
    assert refusal(router.line().check).code == "router_unreachable"
