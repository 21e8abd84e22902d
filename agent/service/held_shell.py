# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell that stays open on a router and runs one sectioned script after the other.

Each script runs in a subshell of its own, without input: nothing that it sets outlives it, and nothing that it starts
can read the next one. Whatever is not as it should be ends the shell; the next script opens another.

Where the platform has a program for that, and the router what it needs, the program takes the shell's place: it carries
steps out itself, and gives scripts to shells.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

import asyncssh

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.platforms.base import Output
from ...plugins.plugin_utils.sections import sections

__all__ = ["HeldShell", "LoopShell", "Runs"]

_CHUNK = 64 * 1024
#: Most that a router may print for one script.
_MOST = 256 * 1024 * 1024


class Runs(Protocol):
    """What a held shell is asked; in tests there may be something before it."""

    async def run(self, script: str) -> Output:
        """As :meth:`HeldShell.run`."""

    async def step(self, text: str, known: str) -> Output | None:
        """As :meth:`HeldShell.step`."""

    async def connections(self, addresses: Iterable[str], rows: int) -> Output | None:
        """As :meth:`HeldShell.connections`."""


class HeldShell(ABC):
    """A shell on a router. One script at a time; errors name the router.

    :param name: the router's.
    :param timeout: seconds that one script may take.
    """

    def __init__(self, name: str, timeout: float) -> None:
        self.name = name
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self._process: Any = None
        self._said: deque[str] = deque(maxlen=20)
        self._listener: asyncio.Task[None] | None = None
        self._program: tuple[str, ...] = ()
        #: Whether a program has taken the shell's place.
        self.resident = False
        #: Called when the shell ends while nothing is asked of it.
        self.ended: Callable[[HandoverError], None] = lambda _error: None

    @property
    def open(self) -> bool:
        """Whether there is a shell."""
        return self._process is not None

    @property
    def busy(self) -> bool:
        """Whether something is asked of it."""
        return self._turn.locked()

    def become(self, program: str, *arguments: str) -> None:
        """Have the next shell that opens become a program, in Perl, where the router can run it."""
        self._program = (program, *arguments)

    async def run(self, script: str) -> Output:
        """What a script prints.

        :raises HandoverError: ``router_unreachable``, ``router_timeout`` or ``script_cut``.
        """
        return await self._answered(lambda: self._ran(script))

    async def step(self, text: str, known: str) -> Output | None:
        """Carry out the text of a step, as :meth:`StepShell.step`; None where only a script can.

        :raises HandoverError: as :meth:`run`.
        """
        return await self._by_program("step", f"{known}\n{text}")

    async def connections(self, addresses: Iterable[str], rows: int) -> Output | None:
        """What linux/connections.sh.j2 prints of addresses; None where only a script can tell.

        :param rows: as in :data:`MAX_ROWS`.
        :raises HandoverError: as :meth:`run`.
        """
        return await self._by_program("connections", "\n".join((str(rows), *addresses)))

    async def close(self) -> None:
        """End the shell."""
        process, self._process = self._process, None
        if self._listener is not None:
            self._listener.cancel()
            self._listener = None
        if process is not None:
            await self._ended(process)

    @abstractmethod
    async def _opened(self) -> Any:
        """A process with ``stdin``, ``stdout`` and ``stderr`` that are streams of bytes."""

    @abstractmethod
    async def _ended(self, process: Any) -> None:
        """End the process, whatever it does."""

    async def _answered(self, asked: Callable[[], Awaitable[str]]) -> Output:
        async with self._turn:
            try:
                async with asyncio.timeout(self._timeout):
                    if self._process is None:
                        await self._open()
                    return sections(await asked())
            except BaseException as error:
                await self.close()
                raise self._told(error) from error

    async def _open(self) -> None:
        self._said.clear()
        self._process = await self._opened()
        self._listener = asyncio.create_task(self._listen(self._process.stderr))
        self.resident = False
        if self._program:
            word = secrets.token_hex(8)
            program, *arguments = self._program
            become = shlex.join(["perl", "-e", program, "--", *arguments, word])
            plain = f"printf '\\n@@ plain {word}\\n'"
            # One command: a shell reads ahead. Whatever the login's environment tells perl.
            able = "perl -MFcntl -MSocket -MIO::Handle -e 1 </dev/null 2>/dev/null"
            await self._sent(f"if unset PERL5OPT PERL5LIB; {able}; then exec {become}; else {plain}; fi\n".encode())
            self.resident = (await self._until(f" {word}\n".encode())).endswith("@@ resident")

    async def _ran(self, script: str) -> str:
        if self.resident:
            return await self._asked("script", script)
        word, mark = _mark()
        # The printf is parsed only when the subshell has ended.
        await self._sent(f"(\n{script}\n) </dev/null\nprintf '\\n@@ ran {word}\\n'\n".encode())
        return await self._until(mark)

    async def _by_program(self, kind: str, text: str) -> Output | None:
        async def said() -> str:
            return await self._asked(kind, text) if self.resident else "@@ unknown\n@@ end\n"

        if not self._program:
            return None
        output = await self._answered(said)
        return None if "unknown" in output.sections else output

    async def _asked(self, kind: str, text: str) -> str:
        word, mark = _mark()
        data = text.encode()
        await self._sent(f"{kind} {len(data)} {word}\n".encode() + data)
        return await self._until(mark)

    async def _sent(self, data: bytes) -> None:
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def _until(self, mark: bytes) -> str:
        held = bytearray()
        while not held.endswith(mark):
            chunk = await self._process.stdout.read(_CHUNK)
            held += chunk
            if not chunk or len(held) > _MOST:
                await asyncio.sleep(0.05)  # its last words may still be under way
                raise EOFError(self._said[-1] if self._said else "the shell ended")
        return held[: -len(mark)].decode("utf-8", "replace")

    async def _listen(self, stream: Any) -> None:
        # A connection that is lost is an error here, and an end to us.
        with suppress(OSError, EOFError, asyncssh.Error):
            while line := await stream.readline():
                text = line.decode("utf-8", "replace").strip()
                if text:
                    self._said.append(text)
        # Its end. Whoever asks something at this moment sees it by himself.
        if not self.busy:
            self._listener = None
            await self.close()
            said = self._said[-1] if self._said else "the shell ended"
            self.ended(HandoverError("router_unreachable", f"{self.name}: {said}", "a router can be reached"))

    def _told(self, error: BaseException) -> BaseException:
        if isinstance(error, HandoverError):
            said = f"{self.name}: {self._said[-1] if self._said else error.subject}"
            return HandoverError(error.code, said, error.rule, error.advice)
        if isinstance(error, TimeoutError):
            return HandoverError(
                "router_timeout", f"{self.name}: {self._timeout:g} s", "a router does what it is told in this time"
            )
        if isinstance(error, Exception):
            return HandoverError("router_unreachable", f"{self.name}: {error}", "a router can be reached")
        return error


def _mark() -> tuple[str, bytes]:
    """A word, and the end of an answer with it."""
    word = secrets.token_hex(8)
    return word, f"\n@@ ran {word}\n".encode()


class LoopShell:
    """A held shell for code that waits, in a thread beside the event loop."""

    def __init__(self, held: Runs, loop: asyncio.AbstractEventLoop) -> None:
        self._held = held
        self._loop = loop

    def run(self, script: str) -> Output:
        """As :meth:`HeldShell.run`."""
        return asyncio.run_coroutine_threadsafe(self._held.run(script), self._loop).result()

    def step(self, text: str, known: str) -> Output | None:
        """As :meth:`HeldShell.step`."""
        return asyncio.run_coroutine_threadsafe(self._held.step(text, known), self._loop).result()

    def connections(self, addresses: Iterable[str], rows: int) -> Output | None:
        """As :meth:`HeldShell.connections`."""
        return asyncio.run_coroutine_threadsafe(self._held.connections(addresses, rows), self._loop).result()
