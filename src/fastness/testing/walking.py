"""One route after the other, tried by everybody: who is refused, why, and whether the owner is not.

The order matters. Refusals come first, while everything is as the author made it; what must succeed comes last, because it may
change or delete the objects that the refusals were about. ASVS 5.0: V8.2.1, V8.2.2.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastness.accounts.pages import SIGN_IN_PATH
from fastness.app import Fastness
from fastness.checks.matrix import Outcome, cell_of, settled
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import Allow
from fastness.sessions.identity import Identity
from fastness.testing.browser import Browser
from fastness.testing.samples import ANONYMOUS, PEOPLE, SIGNED_IN, Sample, filled, places_of, text_of, unmarked
from fastness.testing.visiting import Answer, send
from fastness.web.access import decide_access
from fastness.web.accessrules import AccessFacts
from fastness.web.route import Route

_NOT_ABOUT_ACCESS: Final = frozenset({"cross_site", "form_token", "stale_form", "method_refused"})
"""Codes of gates that would have refused anybody."""
_NOBODY: Final = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One route under one method, which is one line of the matrix."""

    route: Route
    method: str

    @property
    def key(self) -> str:
        """What the samples call it."""
        return f"{self.method} {self.route.path}"


class Walk:
    """Tries one route after the other."""

    def __init__(
        self,
        app: Fastness,
        browsers: Mapping[str, Browser],
        identities: Mapping[str, Identity],
        *,
        is_remote: bool,
    ) -> None:
        self.app = app
        self.browsers = browsers
        self.identities = identities
        self.is_remote = is_remote

    async def try_route(self, target: Target, make: Callable[[], Awaitable[Sample]]) -> list[str]:
        """Everything that is wrong with one route under one sample."""
        sample = await make()
        if problems := self.faults_of(target, sample):
            return [f"{target.key}: {problem}" for problem in problems]
        may = self.allowed_by(sample)
        for name in [name for name in self.browsers if name not in may]:
            answer = await self.send(target, name, filled(sample))
            problems += judge(sample, name, answer, f"the request of {sample.owner}")
            if name not in sample.lacking and self.is_for_want_of_proof(target, name):
                problems.append(
                    f"{name} was refused only for want of a second factor or a fresh sign-in; with it the rule lets them in. "
                    "Sign them in with it, so that what comes after is tried, or name them in lacking={…} if that is all."
                )
        for place in places_of(sample):
            answer = await self.send(target, sample.owner, filled(sample, theirs={place}))
            problems += judge(
                sample, sample.owner, answer, f"their own request with {sample.other}'s object as {text_of(place)}"
            )
        problems += await self.try_those_who_may(target, sample, make, may)
        return [f"{target.key}: {problem}" for problem in problems]

    async def try_those_who_may(
        self, target: Target, sample: Sample, make: Callable[[], Awaitable[Sample]], may: set[str]
    ) -> list[str]:
        """The requests that must succeed; only now, because they may change what there is."""
        problems: list[str] = []
        # The refusals above were of this very sample, so the owner is tried with it before any other is made.
        for name in (sample.owner, *sorted(may - {sample.owner})):
            if name != sample.owner:
                sample = await make()
            answer = await self.send(target, name, filled(sample))
            if not is_success(answer, sample):
                problems.append(
                    f"{name} must succeed with it and was answered {shown(answer)}. Until that works, the refusals of "
                    "others prove nothing: see that ids, fields and person of the sample are right."
                )
            sees = name == sample.owner or name in sample.shown_to
            problems += [
                f"{name} {'does not see' if sees else 'sees'} {text!r}, which is private to {sample.owner}."
                for text in sample.private
                if is_success(answer, sample) and (text in answer.text) is not sees
            ]
        if sample.other is not None and places_of(sample):
            sample = await make()
            answer = await self.send(target, sample.other or "", filled(sample, theirs=None))
            if not is_success(answer, sample):
                problems.append(
                    f"{sample.other} must succeed with their own objects and was answered {shown(answer)}. Until that works "
                    "they may not be there at all, and their refusal to others proves nothing."
                )
        return problems

    async def send(self, target: Target, name: str, sample: Sample) -> Answer:
        method = sample.method or target.method
        return await send(self.app, self.browsers[name], target.route, method, sample)

    def allowed_by(self, sample: Sample) -> set[str]:
        """The names of all who must succeed."""
        may = {sample.owner, *sample.allowed}
        if SIGNED_IN in may:
            may |= self.browsers.keys() - {ANONYMOUS}
        return may - {SIGNED_IN}

    def faults_of(self, target: Target, sample: Sample) -> list[str]:
        """Why the sample cannot be tried."""
        named = {sample.owner, sample.other or sample.owner, *sample.allowed, *sample.shown_to, *sample.lacking}
        faults = [
            f"the sample names {name!r}, who is not among the people."
            for name in sorted(named - self.browsers.keys() - PEOPLE)
        ]
        faults += [
            f"the sample has no value for the path parameter {name!r}."
            for name in sorted(target.route.convertors.keys() - sample.params.keys())
        ]
        faults += [
            f"{text_of(place)} may be the id of an object: write ObjectID(mine, theirs), or Plain(value) if it is nobody's."
            for place in unmarked(sample)
        ]
        if places_of(sample) and sample.other in {None, sample.owner}:
            faults.append("the sample has objects of somebody else's: say whose, with other=….")
        elif sample.other in self.allowed_by(sample):
            faults.append(f"{sample.other} is allowed, so nothing is tried with their objects: name another person.")
        if target.method == "any" and sample.method is None:
            faults.append("the route answers to any method: say which, with method=….")
        if target.method == "WEBSOCKET" and self.is_remote:
            faults.append("sockets are tried in this process only: leave out server=…, or write Untested(Because(…)).")
        return faults

    def is_for_want_of_proof(self, target: Target, name: str) -> bool:
        """Whether the rule refuses somebody who only has to show more of who they are."""
        if name not in self.identities:
            return False
        cell = cell_of(target.route, self.identities[name])
        facts = AccessFacts(identity=self.identities[name], client_ip="", now=self.app.services.clock.epoch())
        verdict = decide_access(settled(target.route.access, is_in_favour=True), facts)
        return cell.outcome is not Outcome.DENIED and not isinstance(verdict, Allow)


def judge(sample: Sample, name: str, answer: Answer, what: str) -> list[str]:
    """What is wrong with an answer that should be a refusal."""
    if is_success(answer, sample):
        return [f"LEAK: {name} sent {what} and was answered {shown(answer)}."]
    if told := [text for text in sample.private if text in answer.text]:
        return [f"LEAK: {name} sent {what} and was refused with a page that shows {told[0]!r}."]
    leads_to_sign_in = is_sign_in(answer)
    if name != ANONYMOUS and (answer.status == _NOBODY or leads_to_sign_in):
        return [f"{name} was answered {shown(answer)} to {what}: they are no longer signed in, so nothing was tried."]
    if answer.code in _NOT_ABOUT_ACCESS:
        return [f"{name} was refused for another reason than access, {shown(answer)}, to {what}."]
    if answer.status not in sample.refusals and not leads_to_sign_in:
        expected = ", ".join(map(str, sorted(sample.refusals)))
        return [f"{name} was answered {shown(answer)} to {what}; a refusal is one of {expected}."]
    return []


def is_success(answer: Answer, sample: Sample) -> bool:
    """Whether the request did what it asks for."""
    if sample.status is not None:
        return answer.status == sample.status
    return answer.status < 400 and not is_sign_in(answer)


def is_sign_in(answer: Answer) -> bool:
    """Whether the visitor is sent to sign in."""
    return 300 <= answer.status < 400 and answer.location.partition("?")[0].endswith(SIGN_IN_PATH)


def shown(answer: Answer) -> str:
    """An answer in a message."""
    return f"{answer.status} {answer.code or answer.location}".rstrip()
