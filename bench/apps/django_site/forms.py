"""The form of the page."""

from django import forms


class NoteForm(forms.Form):
    """One line of text."""

    text = forms.CharField(max_length=500)
