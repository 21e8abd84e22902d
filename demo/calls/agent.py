"""A user agent: sipp with one of our scenarios, in a node's network."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from demo.calls.agreed import Agreed, agreed
from lab import Lab
from lab.runtime import in_network, run

__all__ = ["Agent", "CallFailed", "Line", "answering", "calling"]

_HERE = Path(__file__).resolve().parent
#: What call.xml takes for the wish to hang up.
_INFO = """INFO sip:{at} SIP/2.0
Via: SIP/2.0/UDP {at}:9;branch=z9hG4bKhangup
From: <sip:{at}>;tag=1
To: <sip:{at}>;tag=2
Call-ID: {call_id}
CSeq: 1 INFO
Content-Length: 0

"""
_SEND = """import socket, sys
to = (sys.argv[1], int(sys.argv[2]))
socket.socket(type=socket.SOCK_DGRAM).sendto(sys.stdin.buffer.read(), to)
"""


class CallFailed(RuntimeError):
    """A call did not come about, or did not end as it should; the text has what the user agent says."""


@dataclass(frozen=True)
class Line:
    """Where a user agent is.

    :ivar port: of SIP.
    :ivar voice: of its sound.
    """

    node: str
    user: str
    domain: str
    address: IPv4Address
    port: int
    voice: int


class Agent:
    """One that runs."""

    def __init__(self, lab: Lab, line: Line, scenario: str, directory: Path, name: str, more: Sequence[str]) -> None:
        self.messages = directory / f"{name}.messages"
        self._errors = directory / f"{name}.errors"
        self._lab, self._line, self._name = lab, line, name
        keys = {"user": line.user, "domain": line.domain, "voice": str(line.voice)}
        argv = ["sipp", "-sf", str(_HERE / scenario), "-p", str(line.port), "-nostdin"]
        argv += [word for key, value in keys.items() for word in ("-key", key, value)]
        argv += ["-trace_msg", "-message_file", str(self.messages), "-trace_err", "-error_file", str(self._errors)]
        with (directory / f"{name}.out").open("wb") as out:
            self._process = subprocess.Popen(
                in_network(lab.pids[line.node], [*argv, *more]),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def agreed(self, seconds: float = 10) -> Agreed:
        """What the call has agreed on, once it was taken.

        :raises CallFailed: it was not, in time.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            found = agreed(self.messages)
            if found is not None:
                return found
            time.sleep(0.02)
        raise CallFailed(f"{self._name}: nobody takes the call\n{self._said()}")

    def hang_up(self, call: Agreed, seconds: float = 10) -> None:
        """End the call by a BYE.

        :raises CallFailed: nobody answers it.
        """
        line = self._line
        text = _INFO.format(at=line.address, call_id=call.call_id).replace("\n", "\r\n")
        run(
            in_network(self._lab.pids[line.node], [sys.executable, "-c", _SEND, str(line.address), str(line.port)]),
            text=text,
        )
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise CallFailed(f"{self._name}: nobody answers the BYE\n{self._said()}") from None
        if status:
            raise CallFailed(f"{self._name}: sipp ended with status {status}\n{self._said()}")

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.terminate()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _said(self) -> str:
        files = [file for file in (self._errors, self.messages) if file.exists()]
        return "\n".join(file.read_text(encoding="utf-8", errors="replace")[-1500:] for file in files)


@contextmanager
def answering(lab: Lab, line: Line, directory: Path) -> Iterator[Agent]:
    """Takes every call at whatever address it comes to."""
    agent = Agent(lab, line, "answer.xml", directory, f"{line.user}-answers", ["-i", "0.0.0.0"])
    try:
        yield agent
    finally:
        agent.close()


@contextmanager
def calling(lab: Lab, line: Line, callee: str, server: IPv4Address, directory: Path, name: str) -> Iterator[Agent]:
    """Calls by its own server, with its user's password; hangs up when it is told to."""
    credentials = ["-au", line.user, "-ap", lab.state.passwords[line.user], "-auth_uri", callee]
    own = ["-i", str(line.address)]
    more = [*own, "-key", "callee", callee, *credentials, "-m", "1", f"{server}:5060"]
    agent = Agent(lab, line, "call.xml", directory, name, more)
    try:
        yield agent
    finally:
        agent.close()
