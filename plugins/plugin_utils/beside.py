# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that another processor does meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeVar

from ..module_utils.errors import HandoverError

__all__ = ["beside"]

_Result = TypeVar("_Result")


def beside(work: Callable[[], _Result]) -> Callable[[], _Result]:
    """Begin work in a copy of this process, and return what waits for its result.

    The copy knows all that this process knows by now: nothing is sent to it. What it changes in memory is lost; its
    result must be picklable.

    :raises HandoverError: what waits for the result raises what the work has raised; ``work_lost`` where the copy was
        killed.
    """
    ours, theirs = get_context("fork").Pipe(duplex=False)
    process = get_context("fork").Process(target=_tell, args=(work, theirs))
    process.start()
    theirs.close()

    def result() -> _Result:
        try:
            done, told = ours.recv()
        except EOFError as error:
            raise HandoverError(
                "work_lost", f"process {process.pid}", "a process that plans is left to end", "Run again."
            ) from error
        finally:
            process.join()
        if not done:
            raise told
        found: _Result = told
        return found

    return result


def _tell(work: Callable[[], object], result: Connection) -> None:
    try:
        told = True, work()
    except HandoverError as error:
        told = False, error
    result.send(told)
