# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The partitions of a stream: which events belong together, and under which subjects they come."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StreamConfig, StreamInfo
from nats.js.errors import NotFoundError

from .config import PublishConfig

__all__ = ["Partitions", "found_stream", "made_stream"]

#: Seconds within which an event that is published twice is stored once.
_TWICE_WITHIN = 600.0


@dataclass(frozen=True)
class Partitions:
    """The partitions of a stream, numbered from 0.

    Whose events they are decides: all of one user are in one partition, in their order. The domain does not count,
    because some servers tell an expiry without it.
    """

    stream: str
    count: int

    @property
    def all(self) -> range:
        """Their numbers."""
        return range(self.count)

    @property
    def subjects(self) -> str:
        """The pattern of all subjects."""
        return f"{self.stream}.*"

    def of(self, aor: str) -> int:
        """The partition of an address of record."""
        user = aor.partition(":")[2] if aor.startswith(("sip:", "sips:")) else aor
        return int.from_bytes(sha256(user.partition("@")[0].encode()).digest()[:8], "big") % self.count

    def subject(self, number: int) -> str:
        """The subject of a partition."""
        return f"{self.stream}.{number}"

    def numbered(self, subject: str) -> int:
        """The partition of a subject."""
        return int(subject.rpartition(".")[2])


async def made_stream(stream: JetStreamContext, config: PublishConfig) -> Partitions:
    """The stream, made where there is none. One that is there stays as it is, with as many partitions as it has."""
    found = await found_stream(stream, config.nats.stream)
    if found is not None:
        return found[0]
    made = Partitions(config.nats.stream, config.partitions)
    await stream.add_stream(
        StreamConfig(
            name=made.stream,
            description="Registrations, by a hash of whose they are",
            subjects=[made.subject(number) for number in made.all],
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.OLD,
            max_age=config.keep_seconds,
            duplicate_window=min(_TWICE_WITHIN, config.keep_seconds),
            num_replicas=config.replicas,
        )
    )
    return made


async def found_stream(stream: JetStreamContext, name: str) -> tuple[Partitions, StreamInfo] | None:
    """The stream and what is known of it; None where there is none."""
    try:
        info = await stream.stream_info(name)
    except NotFoundError:
        return None
    return Partitions(name, len(info.config.subjects or ())), info
