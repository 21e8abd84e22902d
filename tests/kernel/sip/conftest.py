# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of these tests' own; a home server that answers; phones that go when a test is over."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.asking.access import HomeAccess

from .judging import Judge, answering
from .network import private_network
from .ua import Ua
from .world import ADDRESSES, ADDRESSES_6, World


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    """See :func:`private_network`."""
    if shutil.which("kamailio") is None or shutil.which("dnsmasq") is None:
        pytest.skip("Kamailio or dnsmasq is not installed on this host")
    with private_network([*ADDRESSES, *ADDRESSES_6]):
        yield


@pytest.fixture(scope="module")
def world(network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Servers with TLS between them."""
    it = World(tmp_path_factory.mktemp("servers"), tls=True)
    yield it
    it.close()


@pytest.fixture(scope="module")
def access(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAccess]:
    """The home server answers out of its real log."""
    with answering(world, tmp_path_factory.mktemp("state")) as found:
        yield found


@pytest.fixture
def judged(world: World, access: HomeAccess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Judge:
    """What is made of what a server has written in this test."""
    return Judge(world, access, tmp_path, lambda: capsys.readouterr().out)


@pytest.fixture
def registered(world: World) -> Iterator[Callable[..., Ua]]:
    """Makes phones that are registered: user, domain, address, server, header lines."""
    made: list[Ua] = []

    def new(user: str, domain: str, at: str, by: str, *headers: str) -> Ua:
        made.append(world.phone(user, domain, at, by))
        assert made[-1].register(*headers).status == 200
        return made[-1]

    yield new
    for one in made:
        with suppress(TimeoutError):
            one.register(expires=0, contact="*")
        world.leave(one)
