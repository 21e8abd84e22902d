# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router that is configured over NETCONF and really forwards, in a private namespace.

Real: Debian's netconfd (yuma123) with its datastores, locks, confirmed commits and errors; OpenSSH before it; the
kernel, nft and ip behind it. Ours: the plug-in that takes what is committed to the kernel (apply_to_kernel.c and
applier.py). A stand-in for a vendor's router in that: no vendor's NAT is under it. Where clients edit running,
netconfd tells no plug-in in time: the kernel follows within a second or two, and cannot refuse.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ncclient_session import Login, NcclientSession

from ...kernel.namespaces import Namespace
from . import crashes
from .modules import MODULES, STANDARD, make_module_directory

__all__ = ["NetconfServer", "PlainServer", "build", "compile_plugin", "make_keys"]

_HERE = Path(__file__).parent
_NETCONFD = "/usr/sbin/netconfd"
_START_SECONDS = 60
_BEGIN = """
<edit-config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><target><{target}/></target><config>
{begins}
</config></edit-config>
"""
_LAN = """
<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"><interface><name>lan</name>
  <type xmlns:t="urn:ietf:params:xml:ns:yang:iana-if-type">t:ethernetCsmacd</type>
</interface></interfaces>
"""


def build(directory: Path) -> None:
    """Compile the plug-in, copy the YANG modules and make keys, once for all routers of a test run."""
    (directory / "yang").mkdir()
    make_module_directory(directory / "yang")
    compile_plugin(directory)
    make_keys(directory)


def make_keys(directory: Path) -> None:
    """The server's own key, that of its login, and one that it does not know."""
    for name in ("host", "user", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)], check=True)


def compile_plugin(directory: Path) -> None:
    """Our plug-in, which netconfd loads with the module ietf-nat."""
    headers = ("/usr/include/libxml2", "/usr/include/yuma", *Path("/usr/include/yuma").iterdir())
    includes = [f"-I{path}" for path in headers]
    source, library = str(_HERE / "apply_to_kernel.c"), str(directory / "libietf-nat.so")
    warnings = ["-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", *warnings, *includes, "-o", library, source], check=True)


class NetconfServer:
    """sshd and netconfd in a namespace that has an interface ``lan``; they run until it is left.

    :param built: what :func:`build` made.
    :param home: an empty directory of this server's own.
    :param target: ``candidate`` or ``running``: the datastore that clients edit.
    :param modules: what it serves.
    :cvar begins: the configuration that it begins with.
    :cvar program: by which a commit reaches the kernel; each line that it reads is a request.
    """

    begins: ClassVar[str] = _LAN
    program: ClassVar[Path] = _HERE / "applier.py"

    def __init__(
        self,
        namespace: Namespace,
        built: Path,
        home: Path,
        target: str = "candidate",
        modules: Sequence[str] = MODULES,
    ) -> None:
        self.namespace = namespace
        self._built = built
        self._home = home
        self.target = target
        self._modules = modules
        self._running: list[subprocess.Popen[bytes]] = []

    def login(self, key: str = "user", host_key: str = "host") -> Login:
        """How to log in; other keys are wrong ones."""
        public = (self._built / f"{host_key}.pub").read_text().split()[1]
        return Login("127.0.0.1", "root", str(self._built / key), public)

    def session(self, login: Login | None = None) -> NcclientSession:
        """A new session."""
        sock = self.namespace.tcp()
        sock.settimeout(10)
        sock.connect(("127.0.0.1", 830))
        return NcclientSession(login or self.login(), sock)

    def lock(self, session: NcclientSession) -> None:
        """Lock the datastore through a session of somebody else, as soon as whoever had it last has given it back."""
        lock = f'<lock xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><target><{self.target}/></target></lock>'
        deadline = time.monotonic() + 60
        while "<ok/>" not in (answer := session.request(lock)):
            assert time.monotonic() < deadline, answer
            time.sleep(0.05)

    @contextmanager
    def serving(self) -> Iterator[NetconfServer]:
        """Run the server, with what it begins with in its datastore."""
        try:
            self._start_sshd()
            self.start()
            yield self
        finally:
            self.stop()

    @contextmanager
    def only_ssh(self) -> Iterator[NetconfServer]:
        """Run sshd alone: a router with a shell."""
        try:
            self._start_sshd()
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Start netconfd, which knows nothing of what it was told before."""
        self._start_netconfd()
        with self.session() as session:
            answer = session.request(_BEGIN.format(target=self.target, begins=self.begins))
            if self.target == "candidate":
                answer += session.request('<commit xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"/>')
            assert "<rpc-error>" not in answer, answer

    def stop(self, program: str = "") -> None:
        """End what was started, or one of the programs."""
        ending = [process for process in self._running if program in str(process.args)]
        for process in ending:
            crashes.ended(process)
            process.terminate()
        for process in ending:
            process.wait(60)
            self._running.remove(process)

    def revive(self) -> bool:
        """Start netconfd where it died by itself; whether it did. It knows nothing then of what it was told before."""
        dead = any(process.poll() is not None for process in self._netconfds)
        if dead:
            self.stop(_NETCONFD)
            self.start()
        return dead

    @property
    def netconfd(self) -> subprocess.Popen[bytes]:
        """The program that serves."""
        (running,) = self._netconfds
        return running

    @property
    def _netconfds(self) -> list[subprocess.Popen[bytes]]:
        return [process for process in self._running if _NETCONFD in str(process.args)]

    def drop_sessions(self) -> None:
        """End every SSH connection to it, as a network does that loses them."""
        for sshd in (process for process in self._running if "sshd" in str(process.args)):
            children = Path(f"/proc/{sshd.pid}/task/{sshd.pid}/children").read_text().split()
            for child in children:
                os.kill(int(child), signal.SIGKILL)

    @property
    def subsystem(self) -> str:
        """The shell script that stands between sshd and netconfd, one for each session."""
        return f"exec /usr/sbin/netconf-subsystem --ncxserver-sockname=830@{self._socket}"

    @property
    def applier(self) -> str:
        """The command of the program by which a commit reaches the kernel."""
        return f"{sys.executable} -IS {self.program} {self._home}/running.xml {self._home}/applied.xml"

    @contextmanager
    def applying(self) -> Iterator[subprocess.Popen[str]]:
        """That program once more, by itself."""
        inside = ["nsenter", "--target", str(self.namespace.pid), "--net", "--mount", "--"]
        pipe = subprocess.PIPE
        with subprocess.Popen([*inside, *self.applier.split()], stdin=pipe, stdout=pipe, text=True) as program:
            yield program

    @property
    def _socket(self) -> Path:
        return self._home / "ncx.sock"

    def _start_sshd(self) -> None:
        home = self._home
        self.namespace.shell("mkdir -p /run/sshd; chmod 755 /run/sshd")
        (home / "subsystem").write_text(self.subsystem)
        (home / "sshd_config").write_text(
            "Port 830\n"
            f"HostKey {self._built}/host\nAuthorizedKeysFile {self._built}/user.pub\nStrictModes no\n"
            f"UsePAM no\nPasswordAuthentication no\nPidFile none\n"
            f'Subsystem netconf "/bin/sh {home}/subsystem"\n'
        )
        self._run(["/usr/sbin/sshd", "-D", "-f", str(home / "sshd_config"), "-E", str(home / "sshd.log")])

    def _start_netconfd(self) -> None:
        self._socket.unlink(missing_ok=True)
        options = {
            "target": self.target,
            "superuser": "root",
            "access-control": "off",
            "port": 830,
            "ncxserver-sockname": self._socket,
            "modpath": f"{self._built}/yang:/usr/share/yuma/modules",
            "runpath": self._built,
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        words += [f"--module={name}" for name in self._modules]
        crashes.started(self._run([_NETCONFD, "--no-startup", *words]))
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                return self.session().close()
            except (OSError, HandoverError):
                if time.monotonic() > deadline or any(process.poll() is not None for process in self._running):
                    raise
                time.sleep(0.1)

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        running, applied = self._home / "running.xml", self._home / "applied.xml"
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self._home),
            "NETCONF_ROUTER_RUNNING": str(running),
            "NETCONF_ROUTER_APPLIED": str(applied),
            "NETCONF_ROUTER_APPLIER": self.applier,
        }
        log = (self._home / f"{Path(command[0]).name}.out").open("wb")
        # netconfd keeps what a confirmed commit would be taken back to in its working directory. Two servers that share
        # one take each other's configuration.
        inside = ["nsenter", "--target", str(self.namespace.pid), "--net", "--mount", f"--wd={self._home}", "--"]
        with log:
            process = subprocess.Popen(
                [*inside, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        self._running.append(process)
        return process


class PlainServer(NetconfServer):
    """A server with the standard modules alone, without our augmentation."""

    def __init__(self, namespace: Namespace, built: Path, home: Path, target: str = "candidate") -> None:
        super().__init__(namespace, built, home, target, STANDARD)
