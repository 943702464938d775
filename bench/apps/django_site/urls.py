"""The paths of the benchmark; which views answer is the environment's choice."""

import os

from django.urls import path

from bench.apps.django_site import async_views, views

chosen = async_views if os.environ.get("BENCH_DJANGO_VIEWS") == "async" else views

urlpatterns = [
    path("json", chosen.show_json),
    path("page", chosen.show_page),
    path("form", chosen.take_form),
    path("notes", chosen.notes),
    path("login", chosen.sign_in),
]
