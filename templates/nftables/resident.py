# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stays on a router, in the place of the shell that a login was given, and carries steps out without starting anything.

It is the text of a step that it reads, the one that a shell would be given; where that has a command it does not know,
it says so and does nothing. Everything else goes to a shell. Its own: the standard library of Python 3.7, and
libnftables. Where they are not there, it is a shell again.

Arguments: the command that keeps what the router holds, and a word that ends the line in which this says what it is.
Input: one JSON object a line, with a mark that ends the answer, and `script`; or `text` and `known`, the generation in
which the step is right. Its answers have the sections of linux/guarded.sh.j2.
"""

from __future__ import annotations

import os
import sys

SAVE, WORD = sys.argv[1:3]

try:
    import contextlib
    import ctypes
    import fcntl
    import json
    import re
    import select
    import socket
    import struct
    import subprocess
    import tempfile
    import time
    from collections.abc import Iterator

    LIBRARY = ctypes.CDLL("libnftables.so.1")
except (ImportError, OSError):
    os.write(1, f"\n@@ plain {WORD}\n".encode())
    os.execv("/bin/sh", ["/bin/sh", "-s"])

#: Seconds without a step, and size of the journal, from which it is made part of what else is kept. A step that comes
#: meanwhile waits for that: in a stream of steps, it is to be rare.
IDLE, MUCH = 0.5, 1 << 20


class Refused(Exception):
    """A command failed; its words."""


class Nft:
    """nft, held open. Closing its socket would wait for the kernel to free what the last step took away."""

    def __init__(self) -> None:
        LIBRARY.nft_ctx_new.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(LIBRARY.nft_ctx_new(0))
        self._words = (LIBRARY.nft_ctx_get_output_buffer, LIBRARY.nft_ctx_get_error_buffer)
        for words in self._words:
            words.restype = ctypes.c_char_p
        LIBRARY.nft_ctx_buffer_output(self._context)
        LIBRARY.nft_ctx_buffer_error(self._context)

    def run(self, text: str) -> None:
        """One transaction."""
        if LIBRARY.nft_run_cmd_from_buffer(self._context, text.encode()):
            raise Refused(b"".join(words(self._context) or b"" for words in self._words).decode("utf-8", "replace"))


class Routes:
    """What `ip -batch` does with routes that are put, told to the kernel itself. What fails is left to ip.

    <linux/netlink.h>, <linux/rtnetlink.h>. To put a route once more changes nothing.
    """

    _LINE = re.compile(
        r"route replace (?P<to>[0-9a-f.:]+)/(?P<length>[0-9]+)(?: via (?P<via>[0-9a-f.:]+))? dev (?P<dev>[^ ]+)"
        r" table (?P<table>[0-9]+) proto (?P<proto>[0-9]+)(?: metric (?P<metric>[0-9]+))?"
    )
    #: The kernel's answers to so many fit into a socket.
    _AT_ONCE = 32
    _ERROR, _NEW, _FLAGS = 2, 24, 0x1 | 0x4 | 0x100 | 0x400  # a request to be acknowledged: replace, or create
    _DST, _OIF, _GATEWAY, _PRIORITY, _TABLE = 1, 4, 5, 6, 15

    def __init__(self) -> None:
        self._socket = socket.socket(16, 3, 0)
        self._socket.settimeout(5)
        self._number = 0

    def put(self, text: str) -> bool:
        """Whether it was that, and was done."""
        lines = text.splitlines()
        found = [line for line in map(self._LINE.fullmatch, lines) if line]
        try:
            starts = range(0, len(found), self._AT_ONCE)
            return len(found) == len(lines) and all(self._done(found[at : at + self._AT_ONCE]) for at in starts)
        except (OSError, ValueError, OverflowError, struct.error):
            return False

    def _done(self, lines: list[re.Match[str]]) -> bool:
        messages = [self._message(line) for line in lines]
        waiting = set(range(self._number - len(messages) + 1, self._number + 1))
        self._socket.send(b"".join(messages))
        while waiting:
            said = self._socket.recv(1 << 16)
            while said:
                size, kind, _flags, number, _port, error = struct.unpack_from("=LHHLLl", said)
                if number in waiting and (kind != self._ERROR or error):
                    return False
                waiting.discard(number)
                said = said[size + 3 & ~3 :]
        return True

    def _message(self, line: re.Match[str]) -> bytes:
        self._number += 1
        family = socket.AF_INET6 if ":" in line["to"] else socket.AF_INET
        # Without a next hop it is a route to a link. The table stands among the attributes: it does not fit here.
        scope = 0 if line["via"] or family == socket.AF_INET6 else 253
        body = struct.pack("=BBBBBBBBL", family, int(line["length"]), 0, 0, 0, int(line["proto"]), scope, 1, 0)
        body += _attribute(self._DST, socket.inet_pton(family, line["to"]))
        if line["via"]:
            body += _attribute(self._GATEWAY, socket.inet_pton(family, line["via"]))
        body += _attribute(self._OIF, struct.pack("=L", socket.if_nametoindex(line["dev"])))
        body += _attribute(self._TABLE, struct.pack("=L", int(line["table"])))
        if line["metric"]:
            body += _attribute(self._PRIORITY, struct.pack("=L", int(line["metric"])))
        return struct.pack("=LHHLL", 16 + len(body), self._NEW, self._FLAGS, self._number, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value


class Ip:
    """ip, of which one process for each IP version is started before it is needed, and waits for its batch.

    Each does one batch: what it has learnt of interfaces may be wrong later.
    """

    #: What it says when it has come to the end of its batch.
    _LAST, _SAID = b"link show dev lo\n", re.compile(rb"^1: lo", re.M)

    def __init__(self) -> None:
        self._waiting: dict[str, subprocess.Popen[bytes]] = {}
        self._leaving: list[subprocess.Popen[bytes]] = []

    def run(self, argv: list[str], text: str) -> None:
        """One batch."""
        process = self._waiting.pop(argv[1], None)
        if process is None or process.poll() is not None:
            process = self._started(argv)
        self._leaving.append(process)
        batch, answer = process.stdin, process.stdout
        assert batch and answer
        with contextlib.suppress(BrokenPipeError), batch:
            batch.write(text.encode() + self._LAST)
        said = b""
        while not self._SAID.search(said):
            more = os.read(answer.fileno(), 65536)
            if not more:
                raise Refused(said.decode("utf-8", "replace"))
            said += more

    def ready(self) -> None:
        """Have them wait."""
        self._leaving = [process for process in self._leaving if process.poll() is None]
        for version in ("-4", "-6"):
            if version not in self._waiting:
                with contextlib.suppress(OSError):  # told when it is needed
                    self._waiting[version] = self._started(["ip", version, "-batch", "-"])

    def _started(self, argv: list[str]) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT)


class Generation:
    """As nftables/generation.sh.j2: this boot, this network, its first process, and the kernel's number."""

    def __init__(self) -> None:
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read().strip()
        with open("/proc/1/stat") as file:
            first = file.read().rpartition(") ")[2].split()[19]
        self._place = f"{boot} {os.readlink('/proc/self/ns/net')} {first}"
        self._socket = socket.socket(16, 3, 12)
        self._socket.settimeout(5)

    def now(self) -> str:
        """Of this moment."""
        self._socket.send(struct.pack("=LHHLLL", 20, 2576, 1, 1, 0, 0))
        said = self._socket.recv(4096)
        if struct.unpack_from("=H", said, 4) != (2575,):
            raise OSError("no generation")
        return f"{self._place} {struct.unpack_from('>L', said, 24)[0]}"


class Keeper:
    """Keeps steps for the next boot: each is on disk before it is acknowledged, behind those before it, in a journal.

    It becomes part of what else is kept when no step comes for a while.
    """

    def __init__(self) -> None:
        self._known = (0, 0)
        self._places: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self.due = self._wanted

    def keep(self, text: str) -> None:
        """Keep what a step told nft and ip."""
        if not self._wanted:
            return
        found = self._found()
        if found and os.path.exists(found[2]) and self._noted(found[0], found[1], text):
            return
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(text)
            file.flush()
            run([SAVE], "", SIPMOBILITY_STEP=file.name)

    def fold(self) -> None:
        """Make the journal part of what else is kept; nobody waits for it."""
        if self._process is None or self._process.poll() is not None:
            self.due = False
            with contextlib.suppress(Refused, OSError):  # it is kept, and will be told with the next step
                if self._wanted and self._found():
                    self._process = subprocess.Popen([SAVE, "fold"], stdin=subprocess.DEVNULL, stdout=2)

    @property
    def _wanted(self) -> bool:
        return os.access(SAVE, os.X_OK)

    def _found(self) -> list[str]:
        """Where things are kept: the last listing, its lock, and what tells that all was put back after the boot."""
        stat = os.stat(SAVE)
        if self._known != (stat.st_ino, stat.st_mtime_ns):
            with open(SAVE) as file:
                able = "# usage: save [- | kept | fold | places]" in file.read()
            self._places = run([SAVE, "places"], "").split() if able else []
            self._known = (stat.st_ino, stat.st_mtime_ns)
        return self._places

    def _noted(self, listing: str, lock: str, text: str) -> bool:
        """Whether it could be written behind a listing."""
        with open(lock, "a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            try:
                with open(listing) as file:
                    after = f"# after {file.readline(200).split()[3]}\n".encode()
            except (OSError, IndexError):
                return False
            much = _appended(listing + ".journal", after, text) > MUCH
        self.due = True
        if much:
            self.fold()
        return True


def _appended(path: str, after: bytes, text: str) -> int:
    """How much is in a journal that begins with a line, once a step is on disk in it."""
    journal = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_CLOEXEC)
    try:
        fresh = os.pread(journal, len(after), 0) != after
        if fresh:
            os.ftruncate(journal, 0)
            put(journal, after)
        # The first line is empty for what was cut before it.
        put(journal, f"\n# saved {int(time.time())}\n{text}# end\n".encode())
        os.fdatasync(journal)
        if fresh:
            os.fsync(directory)
        return os.fstat(journal).st_size
    finally:
        os.close(journal)
        os.close(directory)


class Step:
    """The commands of a step; `known` is false where others are in it.

    They are batches for nft and ip, each with its input, and programs that may be there, of which the last one keeps.
    """

    _BATCH = re.compile(r"(nft -f -|ip -[46] -batch -) <<'(\w+)'")
    _PROGRAM = re.compile(r"if test -x (/[\w./-]+); then (\1(?: [\w.-]+)*)( \|\| true)?; fi")

    def __init__(self, text: str) -> None:
        self.commands: list[tuple[list[str], str]] = []
        #: Programs that may fail.
        self.optional: set[str] = set()
        self.kept = False
        self.known = self._read(iter(text.split("\n")))

    def _read(self, lines: Iterator[str]) -> bool:
        for line in lines:
            batch, program = self._BATCH.fullmatch(line), self._PROGRAM.fullmatch(line)
            if line in ("", "set -eu"):
                continue
            if self.kept:
                return False  # what comes after it would not be kept
            if batch:
                text = _until(batch.group(2), lines)
                if text is None:
                    return False
                self.commands.append((batch.group(1).split(), text))
            elif program and program.group(2) == SAVE:
                self.kept = True
            elif program:
                self.commands.append((program.group(2).split(), ""))
                if program.group(3):
                    self.optional.add(program.group(1))
            else:
                return False
        return True


def _until(word: str, lines: Iterator[str]) -> str | None:
    """The lines before one word; None where it does not come."""
    found: list[str] = []
    for line in lines:
        if line == word:
            return "".join(found)
        found.append(line + "\n")
    return None


def run(argv: list[str], text: str, **more: str) -> str:
    """What a program says."""
    done = subprocess.run(
        argv,
        input=text.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(os.environ, **more),
        close_fds=False,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise Refused(said)
    return said


def carry_out(step: Step, nft: Nft, routes: Routes, ip: Ip, keeper: Keeper) -> None:
    """Carry a step out, command by command."""
    told = []
    for argv, text in step.commands:
        if argv[0] == "nft":
            nft.run(text)
            told.append(text)
        elif argv[0] == "ip":
            if not routes.put(text):
                ip.run(argv, text)
            told.append(f"# version {argv[1]}\n{text}")
        elif os.access(argv[0], os.X_OK):
            with contextlib.suppress(*([Refused] if argv[0] in step.optional else [])):
                run(argv, "")
    if step.kept and told:
        keeper.keep("".join(told))


def answered(request: dict[str, str], nft: Nft, routes: Routes, ip: Ip, generation: Generation, keeper: Keeper) -> str:
    """The answer to a step."""
    step = Step(request["text"])
    if not step.known:
        return "@@ unknown\n@@ end\n"
    held = generation.now()
    said = f"@@ held\n{held}\n"
    if held == request["known"]:
        said += "@@ step\n"
        try:
            carry_out(step, nft, routes, ip, keeper)
        except (Refused, OSError) as error:
            said += f"{error}\n@@ status 1\n"
        said += f"@@ after\n{generation.now()}\n"
    return said + "@@ end\n"


def put(descriptor: int, data: bytes) -> None:
    """Write all of it."""
    while data:
        data = data[os.write(descriptor, data) :]


def requests(keeper: Keeper) -> Iterator[dict[str, str]]:
    """What is asked, one after the other, until nobody can ask any more."""
    held: list[bytes] = []
    while True:
        if not select.select([0], [], [], IDLE if keeper.due else None)[0]:
            keeper.fold()
            continue
        data = os.read(0, 1 << 20)
        if not data:
            return
        held.append(data)
        if b"\n" in data:
            lines = b"".join(held).split(b"\n")
            held = lines[-1:]
            for line in lines[:-1]:
                yield json.loads(line.decode())


def main() -> None:
    """Answer what is asked."""
    nft, routes, ip, generation, keeper = Nft(), Routes(), Ip(), Generation(), Keeper()
    put(1, f"\n@@ resident {WORD}\n".encode())
    ip.ready()
    for request in requests(keeper):
        if "script" in request:
            framed = f"(\n{request['script']}\n) </dev/null\n"
            subprocess.run(["/bin/sh", "-s"], input=framed.encode(), check=False)
            put(1, request["mark"].encode())
        else:
            # At once: each piece of it is a packet, and wakes up who waits.
            put(1, (answered(request, nft, routes, ip, generation, keeper) + request["mark"]).encode())
        ip.ready()
    if keeper.due:
        keeper.fold()


main()
