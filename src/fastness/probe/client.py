"""Sends what a browser sends, or anything else, and keeps all that comes back: bounded in number, pace and time.

Every answer is kept with what led to it, because most checks of headers, cookies and error texts are about every answer that was
ever seen and not about requests of their own. Whoever watches the target's log knows the probe by its `User-Agent`.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from fastness.probe.target import Target
from fastness.probe.wire import Answer, NoAnswerError, Wire, request_bytes

USER_AGENT: Final = "fastness-probe"
PAGE_ACCEPT: Final = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
_KEPT_BODY_BYTES: Final = 65_536
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

SILENCE: Final = Answer(status=0)
"""Stands for no answer at all."""


class BudgetSpentError(Exception):
    """As many requests were sent as may be, or for as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An answer, and what it was the answer to."""

    method: str
    path: str
    answer: Answer
    visitor: str = ""
    """Who asked; empty for nobody in particular."""

    @property
    def is_by_server(self) -> bool:
        """Whether the server refused it before the app saw it: nothing in it could lead a browser anywhere."""
        return self.answer.status >= 400 and not self.answer.body and not self.answer.media_type

    @property
    def where(self) -> str:
        """How a finding names it."""
        return f"{self.method} {self.path} ({self.answer.status})"


@dataclass(slots=True)
class Visitor:
    """Somebody with a browser."""

    name: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    def keep(self, answer: Answer) -> None:
        """Do with the cookies what a browser does."""
        for line in answer.all("set-cookie"):
            pair, *attributes = line.split(";")
            name, _, value = pair.strip().partition("=")
            ages = [one.strip().lower() for one in attributes]
            if any(one == "max-age=0" or one.startswith("max-age=-") for one in ages):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    @property
    def header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


class Client:
    """The one way to the target."""

    def __init__(self, target: Target, wire: Wire, *, on_request: Callable[[], None] = lambda: None) -> None:
        self.target = target
        self.wire = wire
        self.seen: list[Seen] = []
        self.sent = 0
        self.unanswered: list[str] = []
        """Requests like a browser's that got no answer: what they were about was not looked at."""
        self._on_request = on_request
        self._places = asyncio.Semaphore(target.limits.at_once)
        self._next_at = 0.0
        self._ends_at = time.monotonic() + target.limits.total_seconds

    async def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        visitor: Visitor | None = None,
        headers: Mapping[str, str | None] | None = None,
        body: bytes = b"",
        keeps_cookies: bool = True,
        may_hang_up: bool = False,
    ) -> Answer:
        """Send what a browser would send, changed by `headers`; `None` takes one away.

        No answer is told as something unchecked, unless to hang up is as good a refusal as any.
        """
        sent: dict[str, str | None] = {
            "Host": self.target.address.authority,
            "User-Agent": USER_AGENT,
            "Accept": PAGE_ACCEPT,
            **self._origin_of(method),
        }
        if visitor is not None and visitor.cookies:
            sent["Cookie"] = visitor.header
        if body or method not in _SAFE:
            sent["Content-Length"] = str(len(body))
        sent |= {"Connection": "close", **(headers or {})}
        pairs = [(name, value) for name, value in sent.items() if value is not None]
        data = request_bytes(f"{method} {self.target.address.base}{path}", pairs, body)
        try:
            answer = (await self._exchange(data, method=method))[0]
        except NoAnswerError as error:
            if not may_hang_up:
                self.unanswered.append(f"{method} {path[:80]}: {error}")
            return SILENCE
        if visitor is not None and keeps_cookies:
            visitor.keep(answer)
        self._keep(Seen(method=method, path=path, answer=answer, visitor=visitor.name if visitor else ""))
        return answer

    async def send(
        self, data: bytes, *, label: str, answers: int = 1, patience_seconds: float | None = None
    ) -> list[Answer]:
        """Send bytes as they are: what no browser sends. To hang up is an answer to it, and gives none here."""
        method, _, path = label.partition(" ")
        try:
            found = await self._exchange(data, method=method, answers=answers, patience_seconds=patience_seconds)
        except NoAnswerError:
            return []
        for answer in found:
            self._keep(Seen(method=method, path=path, answer=answer))
        return found

    async def get_all(
        self,
        paths: Iterable[str],
        *,
        visitor: Visitor | None = None,
        headers: Mapping[str, str | None] | None = None,
        may_hang_up: bool = False,
    ) -> list[tuple[str, Answer]]:
        """GET each path, several at once; cookies that come with it are not kept."""

        async def get(path: str) -> tuple[str, Answer]:
            answer = await self.ask(
                path, visitor=visitor, headers=headers, keeps_cookies=False, may_hang_up=may_hang_up
            )
            return path, answer

        results = await asyncio.gather(*map(get, dict.fromkeys(paths)), return_exceptions=True)
        for result in results:
            # Only now: nothing of this check may still be under way when it ends.
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if not isinstance(result, BaseException)]

    def _origin_of(self, method: str) -> dict[str, str | None]:
        """A person who types an address, or a page of the target's own."""
        if method in _SAFE:
            return {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        return {**own, "Origin": self.target.address.origin}

    async def _exchange(
        self, data: bytes, *, method: str, answers: int = 1, patience_seconds: float | None = None
    ) -> list[Answer]:
        wire = self.wire
        if patience_seconds is not None:
            wire = replace(wire, timeout_seconds=min(patience_seconds, wire.timeout_seconds))
        async with self._places:
            await self._wait_for_turn()
            try:
                return await wire.exchange(data, method=method, answers=answers)
            except NoAnswerError:
                if time.monotonic() > self._ends_at:
                    raise BudgetSpentError(f"{self.target.limits.total_seconds:.0f} seconds") from None
                raise

    async def _wait_for_turn(self) -> None:
        limits = self.target.limits
        now = time.monotonic()
        if self.sent >= limits.max_requests:
            raise BudgetSpentError(f"{limits.max_requests} requests")
        if now > self._ends_at:
            raise BudgetSpentError(f"{limits.total_seconds:.0f} seconds")
        self.sent += 1
        self._on_request()
        turn_at = max(now, self._next_at)
        self._next_at = turn_at + self.target.pause_seconds
        await asyncio.sleep(turn_at - now)

    def _keep(self, seen: Seen) -> None:
        if len(seen.answer.body) > _KEPT_BODY_BYTES:
            seen = replace(seen, answer=replace(seen.answer, body=seen.answer.body[:_KEPT_BODY_BYTES]))
        self.seen.append(seen)
