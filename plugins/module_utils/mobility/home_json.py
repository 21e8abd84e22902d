# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a home server and answers, as they travel: JSON objects (docs/home-server.md).

What proves who answers is not in them. Times are Unix seconds UTC.
"""

from __future__ import annotations

import json
from typing import Optional

from ..errors import HandoverError
from ..reader import Reader, address
from .home import HomeAnswer, HomeQuestion

__all__ = ["MOST_BYTES", "VERSION", "answer_from_json", "answer_to_json", "question_from_json", "question_to_json"]

VERSION = 1
#: Longest question or answer.
MOST_BYTES = 16 * 1024
_LONGEST = 1000
_LAST = 2.0**40


def question_to_json(question: HomeQuestion) -> bytes:
    """A question; whom it is put to, and how long one waits, is the asker's own affair."""
    record = {key: getattr(question, key) for key in ("id", "aor", "instance", "since", "until")}
    return json.dumps({"version": VERSION, **record, "old": str(question.old)}).encode()


def question_from_json(data: bytes) -> HomeQuestion:
    """A question that came.

    :raises HandoverError: ``bad_record``.
    """
    reader = _reader(data, "question to a home server")
    found = HomeQuestion(
        reader.take("id", _text),
        reader.take("aor", _text),
        reader.take("instance", _optional_text),
        reader.take("old", address),
        reader.take("since", _time),
        reader.take("until", _time),
        (),
        0,
    )
    reader.done()
    return found


def answer_to_json(answer: HomeAnswer) -> bytes:
    """An answer, without the name of who gives it."""
    keys = ("id", "aor", "instance", "held", "held_from", "held_to", "issued_at", "expires")
    record = {key: getattr(answer, key) for key in keys}
    return json.dumps({"version": VERSION, **record, "old": str(answer.old)}).encode()


def answer_from_json(data: bytes, vouched_by: str) -> HomeAnswer:
    """An answer that came.

    :param vouched_by: who gave it, as the transport has proved.
    :raises HandoverError: ``bad_record``.
    """
    reader = _reader(data, "home server's answer")
    found = HomeAnswer(
        reader.take("id", _text),
        reader.take("aor", _text),
        reader.take("instance", _optional_text),
        reader.take("old", address),
        reader.take("held", _flag),
        reader.take("held_from", _optional_time),
        reader.take("held_to", _optional_time),
        vouched_by,
        reader.take("issued_at", _time),
        reader.take("expires", _time),
    )
    reader.done()
    return found


def _reader(data: bytes, what: str) -> Reader:
    try:
        record = json.loads(data) if len(data) <= MOST_BYTES else None
    except (ValueError, RecursionError) as error:
        raise HandoverError("bad_record", data, f"a {what} is a JSON object") from error
    reader = Reader(record, what)
    if reader.take("version", _whole) != VERSION:
        raise HandoverError("bad_record", data, f"a {what} has the version {VERSION}")
    return reader


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isprintable():
        raise ValueError("this is a short printable text")
    return value


def _optional_text(value: object) -> Optional[str]:
    return None if value is None else _text(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("this is true or false")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("this is a whole number")
    return value


def _time(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < _LAST:
        raise ValueError("this is a time in Unix seconds")
    return float(value)


def _optional_time(value: object) -> Optional[float]:
    return None if value is None else _time(value)
