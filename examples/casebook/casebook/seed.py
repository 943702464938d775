"""What the demo starts with: two offices, their people, and cases with notes of the kind that people paste from hostile mail.

The pass phrases are printed by `fastness demo` and stand in this file for all to read: they belong to nobody, and to the
demo's data only.
"""

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from casebook.models import Case, Duty, Fee, Member, Note, Office, Share, Stage, Status
from fastness import Because, Fastness
from fastness.auth.users import find_user


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can sign in to the demo."""

    username: str
    display_name: str
    password: str
    office: str
    duty: Duty


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A case and its notes. Days are counted back from the day the demo is first started."""

    owner: str
    title: str
    client: str
    days_ago: int
    summary: str = ""
    status: Status = Status.OPEN
    shared_with: str = ""
    """Who reads along, and writes notes, from the other office."""
    notes: tuple[tuple[str, int, str, str], ...] = ()
    """Who wrote it, how many days ago, at what time, and what."""
    fees: tuple[tuple[str, int, int, str], ...] = ()
    """What for, how many cents, how many days ago, and who recorded the payment; nobody, while it is due."""


HARBOUR_STREET = "Harbour Street Advice Centre"
MILL_LANE = "Mill Lane Advice Centre"

PEOPLE = (
    Person(
        username="maren",
        display_name="Maren Holt",
        password="copper kettle on a quiet hill",  # noqa: S106
        office=HARBOUR_STREET,
        duty=Duty.OWNER,
    ),
    Person(
        username="idris",
        display_name="Idris Okafor",
        password="seven lanterns by the harbour",  # noqa: S106
        office=MILL_LANE,
        duty=Duty.OWNER,
    ),
    Person(
        username="jonna",
        display_name="Jonna Lindqvist",
        password="a wet umbrella in the hallway",  # noqa: S106
        office=HARBOUR_STREET,
        duty=Duty.EDITOR,
    ),
    Person(
        username="tariq",
        display_name="Tariq Aziz-Berg",
        password="green bicycle against the wall",  # noqa: S106
        office=HARBOUR_STREET,
        duty=Duty.READER,
    ),
    Person(
        username="wren",
        display_name="Wren Castellanos",
        password="three kites over the mill pond",  # noqa: S106
        office=MILL_LANE,
        duty=Duty.EDITOR,
    ),
)

OPERATOR = Person(
    username="solveig",
    display_name="Solveig Tamm",
    password="a brass compass in the drawer",  # noqa: S106
    office=MILL_LANE,
    duty=Duty.READER,
)
"""The one who is staff: the first sign-in sets up a second factor."""

STORIES = (
    Story(
        owner="maren",
        title="Phishing mail to the front desk",
        client="Our own office",
        days_ago=12,
        status=Status.WAITING,
        summary="Somebody wrote to the front desk in the name of a client. We keep what they sent, exactly as they "
        "sent it, for the report to the police.",
        notes=(
            (
                "maren",
                12,
                "09:12",
                "One word from the link:\n" + "a1b2c3d4e5f6" * 22 + "\nand this at the end of it: 🙈🔒👩🏽‍💼",
            ),
            ("idris", 12, "17:40", "קיבלתי את אותו המכתב אתמול, 14:30. לא לחצתי."),
            (
                "maren",
                11,
                "11:45",
                "Read the name of the attachment letter by letter, it turns round half-way:\ninvoice_\u202efdp.exe",
            ),
            ("maren", 10, "14:32", 'Their signature held a picture that was none: "><img src=x onerror=alert(1)>'),
            ("idris", 7, "09:05", "The “document” they sent was this, word for word:\n<script>alert(1)</script>"),
            (
                "maren",
                5,
                "16:05",
                "Police reference received. They want the mail with its headers, on paper.\n\nPosted today, second class.",
            ),
        ),
    ),
    Story(
        owner="maren",
        title="Deposit withheld after move-out",
        client="Amélie Fournier",
        days_ago=5,
        summary="The landlord keeps the whole deposit for “general wear”. The protocol of the hand-over names one "
        "scratched door.",
        notes=(
            ("maren", 5, "11:20", "Hand-over protocol and photographs copied. The originals went back to the client."),
            ("maren", 4, "10:15", "Letter to the landlord sent, answer asked for within 14 days."),
            ("maren", 1, "16:05", "The landlord rang. Offers half. Client wants to wait for the written answer."),
        ),
    ),
    Story(
        owner="maren",
        title="Unpaid overtime, night shift",
        client="Tomasz Zieliński",
        days_ago=24,
        notes=(
            ("maren", 24, "09:30", "Client brings his own list of hours: 61 nights, pencil, signed by nobody."),
            ("idris", 21, "15:10", "The rota hung in the canteen. A colleague has photographs of it and will come in."),
        ),
        fees=(
            ("First consultation", 4000, 24, "maren"),
            ("Certified copies of the rota, 61 pages", 3050, 20, ""),
        ),
    ),
    Story(
        owner="maren",
        title="Neighbour's extension and the right to light: letter before action, and the survey",
        client="Ruth & Pavel Novák",
        days_ago=47,
        status=Status.WAITING,
        notes=(
            (
                "maren",
                47,
                "11:45",
                "Surveyor comes on the first dry day. Until then nothing can be said about the angle.",
            ),
        ),
        fees=(("Survey of the extension, in advance", 124_000, 46, ""),),
    ),
    Story(
        owner="maren",
        title="Refund for a cancelled course",
        client="Leila Haddad",
        days_ago=96,
        status=Status.CLOSED,
        summary="Fee paid for an evening course that never took place.",
        notes=(
            ("maren", 96, "10:20", "Confirmation of the booking and the bank statement are in the file."),
            ("maren", 61, "16:35", "Refunded in full, with interest. Closed."),
        ),
        fees=(("Letter before action, recorded delivery", 895, 90, "jonna"),),
    ),
    Story(
        owner="idris",
        title="Benefit stopped without notice",
        client="Grace Adeyemi",
        days_ago=9,
        summary="Payments ended in the middle of the month. No letter reached her; the old address is still on record.",
        notes=(
            ("idris", 9, "08:50", "Change of address was reported in writing. We have the stamped copy."),
            ("idris", 3, "13:15", "Objection filed. Emergency payment applied for on the same form."),
        ),
        fees=(("Certified copy of the notice", 650, 8, ""),),
    ),
    Story(
        owner="idris",
        title="Bicycle bought online, frame cracked",
        client="Yusuf <b>Demir</b>",
        days_ago=18,
        status=Status.WAITING,
        notes=(
            (
                "idris",
                18,
                "10:05",
                "The name stands like this in the order confirmation. Their shop does not escape it.",
            ),
        ),
    ),
    Story(
        owner="idris",
        title="Tenancy: heating off since October",
        client="House 14, four parties",
        days_ago=38,
        shared_with="maren",
        notes=(
            ("idris", 38, "11:30", "Temperature log of all four flats begun. Paper, beside each door."),
            ("maren", 30, "14:20", "I know the managing agent from another case; ask for Mrs Lindqvist, mornings."),
            ("idris", 29, "09:40", "Mrs Lindqvist promises a fitter this week."),
        ),
        fees=(("Four thermometers with log", 5960, 38, "wren"),),
    ),
    Story(
        owner="idris",
        title="Name misspelt on the residence card",
        client="Nguyễn Thị Thu Hà",
        days_ago=130,
        status=Status.CLOSED,
        notes=(("idris", 101, "08:45", "New card collected. All six diacritics are right."),),
    ),
)


EVERYBODY = (*PEOPLE, OPERATOR)


async def seed(app: Fastness) -> str:
    """Fill an empty demo, leave a filled one as it is, and return what to tell whoever started it."""
    services = app.services
    async with services.open_unit(is_read_only=False, unscoped=Because("the demo fills its own database")) as unit:
        db = unit.session
        if await find_user(db, PEOPLE[0].username) is None:
            people = {
                person.username: await services.accounts.create_user(
                    db,
                    username=person.username,
                    password=person.password,
                    display_name=person.display_name,
                    is_staff=person is OPERATOR,
                )
                for person in EVERYBODY
            }
            ids = {username: user.id for username, user in people.items()}
            offices = {name: Office(name=name) for name in (HARBOUR_STREET, MILL_LANE)}
            for person in EVERYBODY:
                offices[person.office].members.append(Member(user_id=ids[person.username], duty=person.duty))
            db.add_all(offices.values())
            await db.flush()
            add_cases(db, ids, {person.username: offices[person.office].id for person in EVERYBODY})
    lines = [f"  {person.username:<8}{person.password}" for person in EVERYBODY]
    lines[-1] += "   (staff: the first sign-in sets up a second factor, an app on your telephone or a passkey)"
    return "\n".join(["Sign in as", *lines])


def add_cases(db: AsyncSession, ids: dict[str, uuid.UUID], office_ids: dict[str, uuid.UUID]) -> None:
    """Add the cases, numbered in each office in the order in which they were opened."""
    now = datetime.now(UTC)
    numbers: Counter[tuple[uuid.UUID, int]] = Counter()
    for story in sorted(STORIES, key=lambda story: -story.days_ago):
        office_id = office_ids[story.owner]
        opened_on = (now - timedelta(days=story.days_ago)).date()
        numbers[office_id, opened_on.year] += 1
        db.add(
            Case(
                office_id=office_id,
                owner_id=ids[story.owner],
                year=opened_on.year,
                number=numbers[office_id, opened_on.year],
                title=story.title,
                client=story.client,
                summary=story.summary,
                status=story.status,
                opened_on=opened_on,
                notes=[
                    Note(author_id=ids[author], text=text, written_at=at(now, days_ago, time))
                    for author, days_ago, time, text in story.notes
                ],
                fees=[fee(ids.get(payee), now, purpose, cents, days) for purpose, cents, days, payee in story.fees],
                shares=[Share(user_id=ids[story.shared_with], may_write=True)] if story.shared_with else [],
            )
        )


def fee(paid_to_id: uuid.UUID | None, now: datetime, purpose: str, cents: int, days_ago: int) -> Fee:
    """Make a fee that somebody recorded as paid two days later, or that is due."""
    charged_at = at(now, days_ago, "12:00")
    if paid_to_id is None:
        return Fee(purpose=purpose, cents=cents, charged_at=charged_at)
    paid_at = charged_at + timedelta(days=2)
    return Fee(
        purpose=purpose, cents=cents, charged_at=charged_at, stage=Stage.PAID, paid_at=paid_at, paid_to_id=paid_to_id
    )


def at(now: datetime, days_ago: int, time: str) -> datetime:
    """Find the moment some days back, at a time of day written as 14:30."""
    hour, minute = map(int, time.split(":"))
    return (now - timedelta(days=days_ago)).replace(hour=hour, minute=minute, second=0, microsecond=0)
