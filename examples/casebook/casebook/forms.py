"""What people may send."""

from wtforms import BooleanField, Field, Form, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, ValidationError

from casebook.models import Duty
from casebook.money import parse_amount
from casebook.workflows import CaseFlow
from fastness.auth.usernames import MAX_LENGTH


def stripped(value: str | None) -> str:
    """Leave out what surrounds the text: a note of nothing but blanks is empty."""
    return (value or "").strip()


def an_amount(_form: Form, field: Field) -> None:
    """Refuse what is no amount of money."""
    try:
        parse_amount(field.data)
    except ValueError as error:
        raise ValidationError(str(error)) from None


class NoteForm(Form):
    """A note for a case."""

    text = TextAreaField(
        "New note",
        filters=[stripped],
        validators=[
            DataRequired("Write something first."),
            Length(max=5000, message="A note has at most 5000 characters."),
        ],
    )


class CaseForm(Form):
    """A new case. Its handler names the offices to choose from."""

    office_id = SelectField("Office", choices=[])
    title = StringField(
        "Title",
        filters=[stripped],
        validators=[
            DataRequired("Give the case a title."),
            Length(max=200, message="A title has at most 200 characters."),
        ],
    )
    client = StringField(
        "Client",
        filters=[stripped],
        validators=[DataRequired("Name the client."), Length(max=200, message="A name has at most 200 characters.")],
    )
    summary = TextAreaField(
        "Summary",
        filters=[stripped],
        validators=[Length(max=2000, message="A summary has at most 2000 characters.")],
    )


class StepForm(Form):
    """A step with a case. There are no others than these."""

    # The stubs know pairs only; WTForms takes plain values too.
    step = SelectField("Step", choices=[step.name for step in CaseFlow.transitions])  # type: ignore[misc]


class FeeForm(Form):
    """A fee for a case."""

    purpose = StringField(
        "What for",
        filters=[stripped],
        validators=[
            DataRequired("Say what it is for."),
            Length(max=200, message="Say it in at most 200 characters."),
        ],
    )
    amount = StringField(
        "Amount in euros", filters=[stripped], validators=[an_amount], render_kw={"inputmode": "decimal"}
    )


class ShareForm(Form):
    """Who else may see a case."""

    username = StringField(
        "Username",
        filters=[stripped],
        validators=[
            DataRequired("Enter the name that they sign in with."),
            Length(max=MAX_LENGTH, message="No username is that long."),
        ],
    )
    may_write = BooleanField("May write notes")


class DutyForm(Form):
    """What a member of an office does there."""

    # The one that may least comes first, and so is what a form begins with.
    duty = SelectField(
        "Duty", choices=[SelectChoice(duty.value, duty.value.capitalize()) for duty in reversed(Duty)], coerce=Duty
    )  # type: ignore[misc]


class MemberForm(DutyForm):
    """Somebody new in an office."""

    username = StringField(
        "Username",
        filters=[stripped],
        validators=[
            DataRequired("Enter the name that they sign in with."),
            Length(max=MAX_LENGTH, message="No username is that long."),
        ],
    )
