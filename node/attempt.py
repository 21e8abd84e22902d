# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request, until a server has taken it or refused it: credentials, and what a server wants otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.sip.header import OPTION_TAG
from .model import Profile
from .sip.answer import Answer
from .sip.digest import best_challenge, credentials
from .sip.request import Request

__all__ = ["Again", "Attempt", "Later", "Outcome", "Refused", "Taken"]

#: Requests that one attempt may make: a challenge, a stale nonce, a longer lifetime and a body that is not liked.
_MOST = 6
#: Longest lifetime that a server may ask for, seconds.
_LONGEST = 86400


@dataclass(frozen=True)
class Taken:
    """The server did as it was asked.

    :ivar asked: the seconds that the request which was taken asked for.
    """

    answer: Answer
    asked: int


@dataclass(frozen=True)
class Again:
    """This request is to be sent, to the same server."""

    request: Request


@dataclass(frozen=True)
class Later:
    """The server may take it another time, or another server now."""

    code: str
    text: str
    after: int = 0


@dataclass(frozen=True)
class Refused:
    """It will not be taken as it is. ``tag``: because of the patent's option tag."""

    code: str
    text: str
    tag: bool = False


Outcome = Taken | Again | Later | Refused


class Attempt:
    """Keeps the request that is on its way.

    :param next_cseq: the number of the next request of its Call-ID.
    :param token: makes a word that nobody can guess.
    """

    def __init__(
        self, request: Request, profile: Profile, next_cseq: Callable[[], int], token: Callable[[], str]
    ) -> None:
        self.request = request
        self.realm = ""
        self._profile, self._next, self._token = profile, next_cseq, token
        self._sent = 1
        self._answered_a_challenge = False

    def answered(self, answer: Answer) -> Outcome:
        """What an answer means."""
        status = answer.status
        if status < 300:
            return Taken(answer, self.request.expires or 0)
        if self._sent >= _MOST:
            return Later("no_end", f"after {_MOST} requests the answer is {status} {answer.reason:.60}")
        if status in (401, 407):
            return self._challenged(answer)
        if status == 420 and OPTION_TAG.lower() in answer.unsupported:
            return Refused("tag_refused", "the SIP server does not take the option tag (420 Bad Extension)", tag=True)
        if status == 423 and self.request.expires:
            return self._too_brief(answer)
        if status in (413, 415) and self.request.body:
            lines = tuple(line for line in self.request.headers if not line.startswith("Content-"))
            return self._again(replace(self.request, headers=lines, body=b""))
        shown = f"the SIP server answers {status} {answer.reason:.60}"
        if status in (408, 429, 480, 491) or 500 <= status < 600:
            return Later("server_failed", shown, answer.seconds("retry-after") or 0)
        return Refused("refused", shown)

    def _challenged(self, answer: Answer) -> Outcome:
        name = "WWW-Authenticate" if answer.status == 401 else "Proxy-Authenticate"
        try:
            challenge = best_challenge(answer.all(name))
        except HandoverError as error:
            return Refused(error.code, str(error))
        realm = self._profile.realm or self._profile.domain
        if challenge.realm != realm:
            return Refused(
                "other_realm", f"the SIP server asks for credentials of {challenge.realm:.60}, these are of {realm}"
            )
        if self._answered_a_challenge and not challenge.stale:
            return Refused("credentials_refused", "the SIP server does not take user and password")
        self.realm = challenge.realm
        self._answered_a_challenge = True
        request = self.request
        value = credentials(
            challenge,
            request.method,
            request.uri,
            self._profile.auth_user,
            self._profile.password,
            request.body,
            self._token(),
            None,
        )
        header = "Authorization" if answer.status == 401 else "Proxy-Authorization"
        return self._again(replace(request, credentials=f"{header}: {value}"))

    def _too_brief(self, answer: Answer) -> Outcome:
        least = answer.seconds("min-expires") or 0
        if not (self.request.expires or 0) < least <= _LONGEST:
            return Refused("bad_min_expires", f"the SIP server wants a lifetime of {least} s (423)")
        return self._again(replace(self.request, expires=least, credentials=""))

    def _again(self, request: Request) -> Again:
        self._sent += 1
        self.request = replace(request, cseq=self._next())
        if not request.credentials:
            self._answered_a_challenge = False
        return Again(self.request)
