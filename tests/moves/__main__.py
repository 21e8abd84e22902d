# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of moves: a row for each kind, a column for each IP version and scope. Exit status 1 when a cell died,
2 when there is no row of a name.

usage: python -m tests.moves [NAME...]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope

from .drive import Driver
from .moves import MOVES, VERSIONS, Move, tell
from .world import World, world

_WIDTH = 21


def main(names: list[str]) -> int:
    unknown = set(names) - {move.name for move in MOVES}
    if unknown:
        print(f"no move {sorted(unknown)}; there are: {'; '.join(move.name for move in MOVES)}", file=sys.stderr)
        return 2
    wanted = [move for move in MOVES if not names or move.name in names]
    notes: list[str] = []
    dead = 0
    print("Each cell: longest silence of TCP / UDP in ms, and UDP datagrams lost of 50 a second each way.")
    print("All with strict firewalls and rp_filter=1 on every router, and BCP 38 in the core, except where a row says")
    print("otherwise of the networks of some routers. TCP loses nothing.\n")
    heads = [f"{scope.value} IPv{version}" for scope in Scope for version in VERSIONS]
    print("".join([f"{'':32}", *(f"{head:{_WIDTH}}" for head in heads)]).rstrip(), flush=True)
    with world() as internet, tempfile.TemporaryDirectory() as directory:
        driver = Driver(internet)
        for move in wanted:
            print(f"{move.name:32}", end="", flush=True)
            for scope in Scope:
                cells, failed = cells_of(move, internet, driver, scope, Path(directory), notes)
                dead += failed
                print("".join(f"{cell:{_WIDTH}}" for cell in cells), end="", flush=True)
            print(flush=True)
    for number, note in enumerate(notes, 1):
        print(f"[{number}] {note}")
    print(f"\n{len(wanted)} moves, {dead} cells dead")
    return 1 if dead else 0


def cells_of(
    move: Move, internet: World, driver: Driver, scope: Scope, directory: Path, notes: list[str]
) -> tuple[list[str], int]:
    """The cells of one scope, and how many of them died."""
    if scope in move.impossible:
        return [f"no [{_note(move.impossible[scope], notes)}]"] * 2, 0
    if move.refusal:
        _cells, stage = tell(move, internet, driver, scope, directory, patience=0)
        if set(stage.refused) == {move.refusal}:
            return [f"no [{_note(stage.reasons[0], notes)}]"] * 2, 0
        return [f"DEAD [{_note(f'{move.name}: {stage.refused}, not {move.refusal}', notes)}]"] * 2, 2
    cells, stage = tell(move, internet, driver, scope, directory)
    found, failed = [], 0
    for cell in cells.values():
        if cell.survived and not stage.refused:
            found.append(f"{cell.tcp_gap_ms:.0f} / {cell.udp_gap_ms:.0f}, {cell.udp_lost}")
        else:
            failed += 1
            why = f"{move.name}, {scope.value}: {cell} {stage.refused}"
            found.append(f"DEAD [{_note(why, notes)}]")
    return found, failed


def _note(text: str, notes: list[str]) -> int:
    if text not in notes:
        notes.append(text)
    return notes.index(text) + 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
