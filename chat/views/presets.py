"""The page of a person's presets, and what they do there."""

from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from ..engine import engine
from ..forms import PresetForm
from ..models import Conversation, Preset
from ..models.person import MAX_PRESETS
from .access import SeeOther, methods, page_for_signed_in, wants_json


@methods("GET", "HEAD", "POST")
@page_for_signed_in
async def presets(request: HttpRequest) -> HttpResponse:
    """All of them, and a form to add one; `?from=` begins it with a conversation's instruction."""
    models = await engine().provider.models()
    return await sync_to_async(_list_or_add)(request, models)


@methods("GET", "HEAD", "POST")
@page_for_signed_in
async def preset(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them, to be changed; as JSON for the page's script."""
    models = await engine().provider.models()
    return await sync_to_async(_show_or_change)(request, pk, models)


@methods("POST")
@page_for_signed_in
async def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Conversations that began with it keep their instruction."""
    return await sync_to_async(_delete)(request, pk)


def _list_or_add(request: HttpRequest, models: list[str]) -> HttpResponse:
    mine = request.user.presets.all()
    if request.method != "POST":
        form = PresetForm(initial=_begun(request), user=request.user, models=models)
        return _list_page(request, form)
    form = PresetForm(request.POST, user=request.user, models=models)
    if form.is_valid() and mine.count() >= MAX_PRESETS:
        text = _("You have %d presets, and no more are possible. Delete one first.")
        form.add_error(None, text % MAX_PRESETS)
    if not (form.is_valid() and form.store()):
        return _list_page(request, form, status=400)
    messages.success(request, _("“%s” is saved.") % form.instance.name)
    return SeeOther(reverse("chat:presets"))


def _begun(request: HttpRequest) -> dict[str, str]:
    try:
        pk = UUID(request.GET.get("from", ""))
    except ValueError:
        return {}
    source = get_object_or_404(Conversation.objects.owned_by(request.user), pk=pk)
    return {"name": source.title[:80], "instruction": source.instruction}


def _list_page(request: HttpRequest, form: PresetForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "presets": request.user.presets.all()}
    return render(request, "chat/presets.html", context, status=status)


def _show_or_change(request: HttpRequest, pk: int, models: list[str]) -> HttpResponse:
    found = get_object_or_404(Preset, user=request.user, pk=pk)
    if request.method != "POST" and wants_json(request):
        fields = {"name": found.name, "instruction": found.instruction, "model": found.model}
        return JsonResponse(fields)
    form = PresetForm(request.POST or None, instance=found, user=request.user, models=models)
    if request.method == "POST" and form.is_valid() and form.store():
        messages.success(request, _("“%s” is saved.") % form.instance.name)
        return SeeOther(reverse("chat:presets"))
    status = 400 if form.errors else 200
    return render(request, "chat/preset.html", {"form": form, "pk": pk}, status=status)


def _delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Preset, user=request.user, pk=pk)
    found.delete()
    messages.success(request, _("“%s” is deleted.") % found.name)
    return SeeOther(reverse("chat:presets"))
