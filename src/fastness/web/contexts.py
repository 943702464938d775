"""Where a session is used from: noted at the sign-in, compared with every request, and what follows from a change.

With `ask`, whoever comes with the cookie from elsewhere is nobody until they have typed the password again: on public pages
nobody is signed in, everything else leads to the page that asks. The session itself stays, and so does what is in it: a
person whose browser has changed loses nothing. With `report` there is an event, once for each new place.

ASVS 5.0: V7.5.3 (further authentication where there is a reason), V16.3.3.
"""

from fastness.kernel.events import EventName
from fastness.sessions.context import KEY, Context, ContextChange, Reaction, context_from_json, context_of
from fastness.sessions.session import Session
from fastness.web.exchange import Exchange
from fastness.web.recording import record


def present_context(exchange: Exchange) -> Context:
    """From where this request comes."""
    return context_of(exchange.text(b"user-agent") or "", exchange.client_ip)


def compare_context(exchange: Exchange, session: Session) -> None:
    """Look whether a signed-in person's session is used from where it was before."""
    rules = exchange.site.sessions.rules
    if session.identity is None or rules.browser_change is rules.network_change is Reaction.OFF:
        return
    now = present_context(exchange)
    if session.begins_with(now.start):
        return
    former = context_from_json(session.get(KEY))
    if former is None:
        return
    reactions = {ContextChange.BROWSER: rules.browser_change, ContextChange.NETWORK: rules.network_change}
    changes = [one for one in now.changes_from(former) if reactions[one] is not Reaction.OFF]
    if not changes:
        return
    record(exchange, EventName.SESSION_CONTEXT_CHANGED, changes[0])
    if any(reactions[one] is Reaction.ASK for one in changes):
        exchange.must_confirm = True
    elif not exchange.is_websocket:
        session.set(KEY, now.after(former).stored)


def note_context(exchange: Exchange, session: Session) -> None:
    """Keep where this sign-in comes from."""
    former = context_from_json(session.get(KEY))
    session.set(KEY, present_context(exchange).after(former).stored)
