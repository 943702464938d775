"""The benchmark's pages as synchronous views, for gunicorn."""

from django.contrib.auth import authenticate, login
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bench import data
from bench.apps.django_site.context import page_context
from bench.apps.django_site.forms import NoteForm
from bench.apps.django_site.models import Note


@require_GET
def show_json(request: HttpRequest) -> HttpResponse:
    return JsonResponse(data.MESSAGE)


@require_GET
@login_required
def show_page(request: HttpRequest) -> HttpResponse:
    return render(request, "page.html", page_context(request, request.user, data.ROWS, "/form"))


@require_POST
@login_required
def take_form(request: HttpRequest) -> HttpResponse:
    form = NoteForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)
    return HttpResponseRedirect("/page", status=303)


@require_http_methods(["GET", "POST"])
@login_required
def notes(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        rows = Note.objects.filter(owner=request.user).order_by("id")[: data.ROW_COUNT]
        return render(request, "page.html", page_context(request, request.user, rows, "/notes"))
    form = NoteForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)
    Note.objects.create(owner=request.user, author=request.user.first_name, text=form.cleaned_data["text"])
    return HttpResponseRedirect("/notes", status=303)


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return render(request, "login.html", page_context(request, None, (), ""))
    user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
    if user is None:
        raise PermissionDenied
    login(request, user)
    return HttpResponseRedirect("/page", status=303)
