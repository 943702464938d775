"""The rows of the page that is read through the ORM."""

from django.conf import settings
from django.db import models


class Note(models.Model):
    """A note of one user."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    author = models.CharField(max_length=200)
    text = models.CharField(max_length=500)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "django_site"
