# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What outlives the client, in a small file: written whole, beside the old one, and renamed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.reader import Reader, address, count, items, optional, text
from .model import Endpoint, State

__all__ = ["read_states", "write_states"]

_MAX_SIZE = 1024 * 1024


def read_states(path: Path) -> dict[int, State]:
    """The states by IP version; empty where there is no file.

    :raises HandoverError: ``bad_state``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_SIZE)
        record = Reader(json.loads(data), "state")
        if record.take("version", count) != 1:
            raise ValueError("the version is 1")
        states = {version: record.take(f"ipv{version}", _state, None) for version in (4, 6)}
        record.done()
        return {version: state for version, state in states.items() if state is not None}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise HandoverError("bad_state", path, f"the file can be read ({error.strerror})") from error
    except (RecursionError, ValueError) as error:
        raise HandoverError(
            "bad_state",
            f"{path}: {error}",
            "the file is what this client wrote",
            "It begins anew; addresses that were held stay on lo until the next boot.",
        ) from error


def write_states(path: Path, states: Mapping[int, State]) -> None:
    """Write them so that a crash of the client leaves the old file or the new one. Nobody waits for the disk: a move
    does not, either.

    :raises HandoverError: ``bad_state``.
    """
    record = {"version": 1, **{f"ipv{version}": _to_record(state) for version, state in states.items()}}
    draft = path.with_suffix(".new")
    try:
        with draft.open("w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)
        draft.replace(path)
    except OSError as error:
        raise HandoverError("bad_state", path, f"the file can be written ({error.strerror})") from error


def _to_record(state: State) -> dict[str, object]:
    server = state.server
    return {
        "call_id": state.call_id,
        "instance": state.instance,
        "cseq": state.cseq,
        "address": None if state.address is None else str(state.address),
        "kept": [str(one) for one in state.kept],
        "server": None if server is None else {**vars(server), "address": str(server.address)},
        "noticed": dict(state.noticed),
    }


def _state(record: object) -> State:
    of = Reader(record, "state")
    found = State(
        call_id=of.take("call_id", text),
        instance=of.take("instance", text),
        cseq=of.take("cseq", count),
        address=of.take("address", optional(address)),
        kept=of.take("kept", lambda value: tuple(map(address, items(value)))),
        server=of.take("server", optional(_endpoint)),
        noticed=of.take("noticed", _noticed),
    )
    of.done()
    return found


def _endpoint(record: object) -> Endpoint:
    of = Reader(record, "server")
    found = Endpoint(
        of.take("address", address), of.take("port", count), of.take("transport", text), of.take("name", text)
    )
    of.done()
    return found


def _noticed(record: object) -> tuple[tuple[str, int], ...]:
    if not isinstance(record, dict):
        raise TypeError("a mapping is wanted")
    return tuple((text(key), count(value)) for key, value in sorted(record.items()))
