# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a configuration with a router that answers on cue; tests/kernel/snmp has one that carries the file."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.config_copy import ENTRY
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.varbinds import Varbind
from ansible_collections.sipmobility.handover.plugins.plugin_utils import config_copy, tftp_once
from ansible_collections.sipmobility.handover.plugins.plugin_utils.config_copy import ConfigCopy, Way
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.snmp_device import NO_ANSWER, Refusal

HERE = ip_address("127.0.0.1")
WAY = Way(HERE, HERE, 0.3)


class Scripted:
    """A router that says of each request what it is told to: state, or state and cause. A stand-in."""

    def __init__(self, *states: str, refusal: Refusal | None = None) -> None:
        self.sets: list[list[Varbind]] = []
        self._states = list(states)
        self._refusal = refusal

    def get(self, oids: Sequence[str]) -> list[Varbind]:
        said = self._states.pop(0) if len(self._states) > 1 else "".join(self._states)
        return [Varbind(oid, "i", value) for oid, value in zip(oids, said.split(), strict=False)]

    def walk(self, below: str) -> list[Varbind]:
        raise AssertionError("a table of requests is not walked")

    def set(self, varbinds: Sequence[Varbind]) -> Refusal | None:
        self.sets.append(list(varbinds))
        return self._refusal if len(self.sets) == 1 else None

    def close(self) -> None:
        raise AssertionError("the session is its owner's to close")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any free port; looks that do not take long."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((str(HERE), 0))
        monkeypatch.setattr(tftp_once, "PORT", int(probe.getsockname()[1]))
    monkeypatch.setattr(config_copy, "LATE", (0.001, 0.001))
    monkeypatch.setattr(config_copy, "_LOOK", 0.01)


def refusal(router: Scripted, way: Way = WAY) -> HandoverError:
    with pytest.raises(HandoverError) as told:
        ConfigCopy("rb", router, Renderer(), way).load("ip route 1.1.1.1 255.255.255.255 2.2.2.2\n")
    return told.value


@pytest.mark.parametrize(
    ("router", "code", "subject"),
    [
        (Scripted("1", "2", "4 7"), "some_lines_refused", "rb: someConfigApplyFailed"),
        (Scripted("2", "4 3"), "copy_failed", "rb: timeout"),
        (Scripted("4"), "copy_failed", "rb: unknown"),
        (Scripted("4 77"), "copy_failed", "rb: cause 77"),
        (Scripted("1", "3"), "copy_failed", "rb: the file was not carried"),
        (Scripted("2"), "copy_late", "rb: request "),
        (Scripted("", refusal=Refusal(NO_ANSWER, 0)), "no_answer", "rb: no answer"),
        (Scripted("2", "4 3", refusal=Refusal(NO_ANSWER, 0)), "copy_failed", "rb: timeout"),
    ],
)
def test_how_a_copy_ends(router: Scripted, code: str, subject: str) -> None:
    """Each request is forgotten, whatever came of it."""
    told = refusal(router)
    assert (told.code, told.subject.startswith(subject)) == (code, True)
    (*_begun, (last,)) = router.sets
    assert (last.oid.startswith(f"{ENTRY}.14."), last.value) == (True, "6")


@pytest.mark.parametrize(
    ("status", "code"),
    [("noAccess", "no_privilege"), ("noCreation", "not_writable"), ("resourceUnavailable", "step_refused")],
)
def test_a_request_that_is_not_begun(status: str, code: str) -> None:
    router = Scripted(refusal=Refusal(status, 1))
    assert refusal(router).code == code
    assert len(router.sets) == 1


def test_what_is_asked() -> None:
    router = Scripted("4")
    refusal(router)
    (request,) = {item.oid.rpartition(".")[2] for item in router.sets[0]}
    columns = {item.oid[len(ENTRY) + 1 :].partition(".")[0]: item for item in router.sets[0]}
    assert 1 <= int(request) < 2**31
    assert {name: columns[name].value for name in ("2", "3", "4", "5", "14")} == {
        **{"2": "1", "3": "1", "4": "4"},
        **{"5": "127.0.0.1", "14": "4"},
    }
    other = Scripted("4")
    refusal(other)
    names = {item.value for one in (router, other) for item in one.sets[0] if item.oid.startswith(f"{ENTRY}.6.")}
    assert len(names) == 2  # nobody guesses the next one


def test_a_server_of_ipv6() -> None:
    router = Scripted("4")
    refusal(router, replace(WAY, server=ip_address("::1"), client=ip_address("::1")))
    columns = {item.oid[len(ENTRY) + 1 :].partition(".")[0]: item for item in router.sets[0]}
    assert (columns["15"].value, columns["16"].octets) == ("2", ip_address("::1").packed)
    assert "5" not in columns
