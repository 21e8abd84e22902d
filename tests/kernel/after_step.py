# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Something happens in the middle of a playbook: after a step, which the playbook waits for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["CALLBACKS", "acting_after"]

#: What a playbook needs in its environment to know of steps, beside SIPMOBILITY_AFTER_STEP.
CALLBACKS = {
    "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).resolve().parents[1] / "integration" / "callbacks"),
    "ANSIBLE_CALLBACKS_ENABLED": "after_step",
}


@contextmanager
def acting_after(place: Path, step: int, action: Callable[[], object]) -> Iterator[str]:
    """Do something after the Nth acknowledged step of a playbook that runs within this.

    :param place: a directory.
    :returns: what SIPMOBILITY_AFTER_STEP must be.
    """
    ready, done = place / "ready", place / "done"
    os.mkfifo(ready)
    os.mkfifo(done)

    def wait() -> None:
        ready.read_text()
        action()
        done.write_text("done")

    threading.Thread(target=wait, daemon=True).start()
    try:
        yield f"{step}:echo >{ready}; cat {done} >/dev/null"
    finally:
        ready.unlink()
        done.unlink()
