"""Commands on the host, podman, and the namespaces of a container."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lab.topology import PREFIX, ROOT

CONTAINERS_CONF = ROOT / "lab" / "containers.conf"
Completed = subprocess.CompletedProcess[str]


class LabError(RuntimeError):
    """Something that the lab needs did not work; the text says what, and what the command said."""


def run(
    argv: Sequence[str],
    *,
    text: str | None = None,
    data: bytes | None = None,
    check: bool = True,
    timeout: float = 60,
) -> Completed:
    """Run a host program with ``text`` or ``data`` as standard input.

    :raises LabError: it is missing, or took longer than ``timeout`` seconds, or (with ``check``) its status is not 0.
    """
    env = os.environ | {"CONTAINERS_CONF": str(CONTAINERS_CONF), "LC_ALL": "C.UTF-8"}
    given = data if data is not None else (text or "").encode()
    try:
        done = subprocess.run(argv, input=given, capture_output=True, timeout=timeout, env=env, check=False)
    except FileNotFoundError as error:
        raise LabError(f"{argv[0]} is not installed (see lab/debian-packages.txt)") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"no end after {timeout:g} s: {' '.join(argv)}") from error
    said, complained = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
    result = Completed(argv, done.returncode, said, complained)
    if check and result.returncode:
        shown = (complained or said).strip()[-2000:]
        raise LabError(f"status {result.returncode} from: {' '.join(argv)}\n{shown}")
    return result


def podman(*args: str, data: bytes | None = None, check: bool = True, timeout: float = 120) -> Completed:
    return run(["podman", *args], data=data, check=check, timeout=timeout)


def containers() -> dict[str, dict[str, Any]]:
    """Every container with our prefix, running or not, by name: podman's own record of it."""
    listed = podman("ps", "--all", "--filter", f"name=^{PREFIX}", "--format", "json").stdout
    return {record["Names"][0]: record for record in json.loads(listed or "null") or []}


def in_network(pid: int, argv: Sequence[str]) -> list[str]:
    """A host program in the network namespace of a container's process."""
    return ["nsenter", "--target", str(pid), "--net", "--", *argv]


def in_container(pid: int, argv: Sequence[str]) -> list[str]:
    """A program of the container, in all its namespaces: what ``podman exec`` does, in a sixtieth of the time."""
    spaces = ["--mount", "--uts", "--ipc", "--net", "--pid"]
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return ["nsenter", "--target", str(pid), *spaces, "--", "/usr/bin/env", "-i", path, "HOME=/root", *argv]


def interfaces(pid: int) -> set[str]:
    """Names of the interfaces in the network namespace of a process; empty when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/net/dev").read_text(encoding="ascii").splitlines()
    except OSError:
        return set()
    return {line.split(":", 1)[0].strip() for line in lines[2:]}


def comes(true: Callable[[], bool], seconds: float, look: float = 0.2) -> bool:
    """Whether something becomes true in time; asked every ``look`` seconds."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(look)
    return True
