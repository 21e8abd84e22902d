# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH server for one transfer, against two clients that we did not write: curl's (libssh2) and OpenSSH's scp."""

from __future__ import annotations

import os
import socket
import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.plugin_utils import scp_once
from ansible_collections.sipmobility.handover.plugins.plugin_utils.scp_once import ScpFile

HERE = ip_address("127.0.0.1")
NAME = "sipmobility-1"
CONTENT = b"ip route 198.51.100.1 255.255.255.255 203.0.113.9\n" * 2000
LIMIT_S = 30


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Any port that is free: 22 is the system's."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((str(HERE), 0))
        number = int(probe.getsockname()[1])
    monkeypatch.setattr(scp_once, "PORT", number)
    return number


def serving(content: bytes | None) -> ScpFile:
    return ScpFile(HERE, HERE, NAME, content)


def curl(transfer: ScpFile, *words: str, name: str = NAME, password: str = "") -> subprocess.CompletedProcess[bytes]:
    login = f"{transfer.user}:{password or transfer.password}"
    command = ["curl", "--silent", "--insecure", "--user", login, *words, f"scp://{HERE}:{scp_once.PORT}/{name}"]
    return subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)


def openssh(transfer: ScpFile, place: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """A command of OpenSSH's, which asks a program for the password."""
    ask = place / "ask"
    ask.write_text(f"#!/bin/sh\necho {transfer.password}\n")
    ask.chmod(0o700)
    options = ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    command = [words[0], *options, "-o", f"Port={scp_once.PORT}", "-o", "LogLevel=ERROR", *words[1:]]
    environment = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    environment.pop("SSH_AUTH_SOCK", None)
    return subprocess.run(
        command, capture_output=True, stdin=subprocess.DEVNULL, env=environment, timeout=LIMIT_S, check=False
    )


@pytest.mark.parametrize("content", [b"end\n", CONTENT])
def test_a_file_is_given_once(content: bytes) -> None:
    with serving(content) as transfer:
        done = curl(transfer)
        assert (done.returncode, done.stdout) == (0, content)
        assert transfer.wait(60)
        assert curl(transfer).returncode != 0


@pytest.mark.parametrize("content", [b"", b"end\n", CONTENT])
def test_a_file_is_taken(tmp_path: Path, content: bytes) -> None:
    given = tmp_path / "running"
    given.write_bytes(content)
    with serving(None) as transfer:
        assert curl(transfer, "--upload-file", str(given)).returncode == 0
        assert transfer.wait(60)
        assert transfer.taken == content


def test_the_client_of_openssh(tmp_path: Path) -> None:
    with serving(CONTENT) as transfer:
        done = openssh(transfer, tmp_path, "scp", "-O", f"{transfer.user}@{HERE}:{NAME}", str(tmp_path / "got"))
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "got").read_bytes() == CONTENT
    with serving(None) as transfer:
        done = openssh(transfer, tmp_path, "scp", "-O", str(tmp_path / "got"), f"{transfer.user}@{HERE}:{NAME}")
        assert done.returncode == 0, done.stderr
        assert transfer.taken == CONTENT


def test_nothing_else_is_there(tmp_path: Path) -> None:
    """No other file, no shell, no SFTP, no way through; and none of that uses the transfer up."""
    with serving(CONTENT) as transfer:
        assert curl(transfer, name="etc/passwd").returncode != 0
        assert curl(transfer, password="0" * 32).returncode != 0
        given = tmp_path / "running"
        given.write_bytes(b"x")
        assert curl(transfer, "--upload-file", str(given)).returncode != 0
        target = f"{transfer.user}@{HERE}"
        for words in (
            ("ssh", target, "id"),
            ("scp", "-s", f"{target}:{NAME}", str(given)),
            ("ssh", "-s", target, "sftp"),
        ):
            assert openssh(transfer, tmp_path, *words).returncode != 0
        assert openssh(transfer, tmp_path, "ssh", "-W", f"{HERE}:{scp_once.PORT}", target).returncode != 0
        assert not transfer.wait(0)
        assert curl(transfer).stdout == CONTENT


def test_somebody_else_gets_nothing() -> None:
    with ScpFile(HERE, ip_address("127.0.0.2"), NAME, CONTENT) as transfer:
        assert curl(transfer).returncode != 0
        assert not transfer.wait(0)
        assert curl(transfer, "--interface", "127.0.0.2").stdout == CONTENT


def test_a_port_that_is_taken(port: int) -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", port))
        other.listen()
        with pytest.raises(HandoverError) as told, serving(CONTENT):
            pass
    assert told.value.code == "transfer_port"


def test_a_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scp_once, "LARGEST", 10)
    with pytest.raises(HandoverError, match="file_too_large"):
        serving(b"x" * 11)
    given = tmp_path / "running"
    given.write_bytes(b"x" * 11)
    with serving(None) as transfer:
        assert curl(transfer, "--upload-file", str(given)).returncode != 0
        assert transfer.taken is None


def test_a_controller_without_asyncssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scp_once, "HAS_ASYNCSSH", False)
    with pytest.raises(HandoverError, match="library_missing"):
        serving(CONTENT)
