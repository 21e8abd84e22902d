"""Records what the running server logs of stock phones that move from A to B.

``python -m lab.kamailio.record_phones tests/fixtures/stock_phones`` with the lab up; a minute and a half.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lab.lab import Lab
from lab.registrar import Registrar
from lab.stock_phones import PHONES, bound


def record(directory: Path) -> None:
    """A file for each phone: its events at A, and after the move, up to its first binding at B."""
    lab = Lab.up()
    registrar = Registrar(lab)
    for name, phone in PHONES.items():
        lab.home()
        registrar.clear()
        with phone(lab):
            bound(registrar, lab.topology.address("mn").v4.ip, 20)
            bound(registrar, lab.move("mn", "b").new[0], 90)
            lines = registrar.lines()
        (directory / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
        print(f"{name}: {len(lines)} events")
    lab.home()


if __name__ == "__main__":
    record(Path(sys.argv[1]))
