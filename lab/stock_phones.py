"""Phones as they are sold: linphone and baresip from Debian, unchanged, on a mobile node. Neither knows the tag."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from lab.lab import Lab
from lab.registrar import Registrar
from lab.runtime import LabError, in_network

__all__ = ["PHONES", "Phone", "baresip", "bound", "linphone"]

_INSTANCE = "11111111-2222-4333-8444-555555555555"
_LINPHONE = """\
[sip]
sip_port=5060
sip_tcp_port=0
sip_tls_port=0
guess_hostname=0
default_proxy=0
use_ipv6=0
[misc]
uuid={instance}
[auth_info_0]
username={user}
passwd={password}
realm={domain}
domain={domain}
[proxy_0]
reg_proxy=<sip:{server};transport=udp>
reg_identity=sip:{user}@{domain}
reg_expires=60
reg_sendregister=1
publish=0
"""
_BARESIP = """\
poll_method epoll
sip_listen 0.0.0.0:5060
module_path /usr/lib/baresip/modules
module g711.so
module_tmp uuid.so
module_tmp account.so
net_prefer_ipv6 no
"""
_ACCOUNT = (
    "<sip:{user}@{domain};transport=udp>;auth_user={user};auth_pass={password};"
    'outbound="sip:{server};transport=udp";sipnat=outbound;regint=20\n'
)


@contextmanager
def linphone(lab: Lab, user: str = "alice", node: str = "mn") -> Iterator[None]:
    """A running linphonec, registered for a minute at a time."""

    def lay(home: Path, account: Mapping[str, str]) -> list[str]:
        (home / ".local" / "share" / "linphone").mkdir(parents=True)
        (home / "linphonerc").write_text(_LINPHONE.format(instance=_INSTANCE, **account), encoding="utf-8")
        return ["linphonec", "-c", str(home / "linphonerc")]

    with _phone(lab, user, node, lay):
        yield


@contextmanager
def baresip(lab: Lab, user: str = "alice", node: str = "mn") -> Iterator[None]:
    """A running baresip, registered for twenty seconds at a time; it looks at its address once a minute."""

    def lay(home: Path, account: Mapping[str, str]) -> list[str]:
        (home / "config").write_text(_BARESIP, encoding="utf-8")
        (home / "accounts").write_text(_ACCOUNT.format(**account), encoding="utf-8")
        return ["baresip", "-f", str(home)]

    with _phone(lab, user, node, lay):
        yield


Phone = Callable[[Lab], AbstractContextManager[None]]
PHONES: Mapping[str, Phone] = {"linphone": linphone, "baresip": baresip}


def bound(registrar: Registrar, source: object, seconds: float) -> None:
    """Wait until the server has told of a binding made from this address.

    :raises LabError: it has not in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for event in map(json.loads, registrar.lines()):
            if event["event"] == "register" and event["src_ip"] == str(source) and _binds(event):
                return
        time.sleep(0.3)
    raise LabError(f"no binding from {source} within {seconds:g} s: {registrar.lines()}")


def _binds(event: Mapping[str, Any]) -> bool:
    removes = any(b"expires=0" in bytes.fromhex(value) for value in event["contact_hex"])
    return event["expires"] != 0 and not removes


@contextmanager
def _phone(lab: Lab, user: str, node: str, lay: Callable[[Path, Mapping[str, str]], list[str]]) -> Iterator[None]:
    account = {
        "user": user,
        "password": lab.state.passwords[user],
        "domain": lab.topology.sip_domain,
        "server": str(lab.topology.address("pcscf").v4.ip),
    }
    with tempfile.TemporaryDirectory(prefix="sipmobility-phone-") as name:
        argv = in_network(lab.pids[node], lay(Path(name), account))
        env = {**os.environ, "HOME": name, "XDG_CONFIG_HOME": name, "LC_ALL": "C.UTF-8"}
        # It reads commands: an input that stays open, and says nothing.
        phone = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env
        )
        try:
            yield
        finally:
            phone.terminate()
            try:
                phone.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                phone.kill()
                phone.communicate()
