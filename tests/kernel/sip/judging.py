# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``sip-handover pairs`` makes of what a server has told, with a home server that answers out of its real log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.sipmobility.handover.agent.cli import main
from ansible_collections.sipmobility.handover.agent.home.answers import serve_answers
from ansible_collections.sipmobility.handover.agent.home.config import HomeConfig
from ansible_collections.sipmobility.handover.agent.home.witness import Witness
from ansible_collections.sipmobility.handover.plugins.module_utils.asking.access import HomeAccess
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
from lab.phone import TAG

from .world import AT, AT_HOME, HOME, World

__all__ = ["Judge", "answering", "tagged"]

_POLICY = {
    "managed_networks": {"home": ["198.51.100.0/24"], "abroad": ["198.18.2.0/24", "198.18.9.0/24"]},
    # The phones of these tests speak UDP; servers among each other TLS.
    "require_secure_transport": False,
    "home_servers": {HOME: [f"sip.{HOME}"]},
    "home_timeout_seconds": 2,
}
_ASKER = "agent.example"


def tagged(name: str, user: str, old: str = AT_HOME) -> tuple[str, str]:
    """The patent's header lines; ``name`` is Require, or Proxy-Require."""
    return f"{name}: {TAG}", f"{TAG}: <sip:{user}@{old}>"


@contextmanager
def answering(world: World, state: Path) -> Iterator[HomeAccess]:
    """The home server answers; how it is reached."""
    certificate, key = map(str, world.authority.certificate(f"sip.{HOME}"))
    ca = str(world.authority.file)
    log = str(world.directory / HOME / "log")
    config = HomeConfig(log, "", str(state), certificate, key, ca, (_ASKER,), AT[HOME], 0)
    witness = Witness(Policy.from_dict(_POLICY), state)
    server = serve_answers(config, witness.answer)
    witness.follow(log, "kamailio", server.shutdown)
    certificate, key = map(str, world.authority.certificate(_ASKER))
    try:
        yield HomeAccess(certificate, key, ca, server.server_address[1], {f"sip.{HOME}": AT[HOME]})
    finally:
        server.shutdown()
        server.server_close()
        witness.close()


class Judge:
    """Of one test: what servers have written since it began.

    :param said: what was printed since it was asked last.
    """

    def __init__(self, world: World, access: HomeAccess, directory: Path, said: Callable[[], str]) -> None:
        self._world, self._access, self._directory, self._said = world, access, directory, said
        self._begun = {name: (world.directory / name / "log").stat().st_size for name in AT}

    def __call__(self, server: str, access: HomeAccess | None = None, **policy: object) -> Mapping[str, Any]:
        """The admitted pairs (address of record, old, new, correspondent), and the codes of what was refused."""
        for name, data in (("home.json", asdict(access or self._access)), ("policy.json", {**_POLICY, **policy})):
            (self._directory / name).write_text(json.dumps(data))
        (self._directory / "log").write_bytes(self._written(server))
        told = [word for name in ("policy", "home") for word in (f"--{name}", str(self._directory / f"{name}.json"))]
        main(["pairs", "--json", "--format", "kamailio", *told, str(self._directory / "log")])
        found = json.loads(self._said())
        keys = ("aor", "old", "new", "correspondent")
        return {
            "pairs": [tuple(pair[key] for key in keys) for pair in found["address_pairs"]],
            "refused": [item["code"] for item in found["refused"]],
        }

    def _written(self, server: str) -> bytes:
        """What a server has written since the test began. It answers first; its events may be on their way still."""
        log, written, quiet = self._world.directory / server / "log", b"", 0
        for _look in range(40):
            time.sleep(0.05)
            before = written
            with log.open("rb") as whole:
                whole.seek(self._begun[server])
                written = whole.read()
            quiet = quiet + 1 if written == before else 0
            if quiet >= (4 if written else 20):
                break
        return written
