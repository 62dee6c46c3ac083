"""The pages of a user's presets."""

from functools import partial
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from ..engine.process import engine
from ..forms import PresetForm
from ..models import Conversation, Preset
from ..naming import full_name
from ..refusals import Refused
from .access import methods, page_for_signed_in
from .answers import Answer, SeeOther, refusals_on


@methods("GET", "HEAD", "POST")
@page_for_signed_in
async def presets(request: HttpRequest) -> HttpResponse:
    """The list, with a form to add one; `?from=` fills in the instruction of a conversation."""
    models = await engine().hooks.models(request.user)
    return await sync_to_async(_add if request.method == "POST" else _list)(request, models)


@methods("GET", "HEAD", "POST")
@page_for_signed_in
async def preset(request: HttpRequest, pk: int) -> HttpResponse | Answer:
    """The form to change one; as JSON for the page's script."""
    models = await engine().hooks.models(request.user)
    return await sync_to_async(_change if request.method == "POST" else _show)(request, pk, models)


@methods("POST")
@page_for_signed_in
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete one. Conversations that began with it keep their instruction."""
    found = _find(request, pk)
    found.delete()
    messages.success(request, pgettext("preset", "Deleted “%s”.") % found.name)
    return SeeOther(reverse("chat:presets"))


def _list(request: HttpRequest, models: list[str]) -> HttpResponse:
    form = PresetForm(initial=_begun(request), user=request.user, models=models)
    return _list_page(request, form)


def _add(request: HttpRequest, models: list[str]) -> HttpResponse:
    form = PresetForm(request.POST, user=request.user, models=models)
    with refusals_on(partial(_list_page, request, form)):
        return _store(request, form)


def _show(request: HttpRequest, pk: int, models: list[str]) -> Answer:
    found = _find(request, pk)
    form = PresetForm(instance=found, user=request.user, models=models)
    fields = {"name": found.name, "instruction": found.instruction, "model": full_name(found.model)}
    return Answer(partial(_page, request, form), fields)


def _change(request: HttpRequest, pk: int, models: list[str]) -> HttpResponse:
    found = _find(request, pk)
    form = PresetForm(request.POST, instance=found, user=request.user, models=models)
    with refusals_on(partial(_page, request, form)):
        return _store(request, form)


def _find(request: HttpRequest, pk: int) -> Preset:
    return get_object_or_404(Preset, user=request.user, pk=pk)


def _begun(request: HttpRequest) -> dict[str, str]:
    try:
        pk = UUID(request.GET.get("from", ""))
    except ValueError:
        return {}
    source = get_object_or_404(Conversation.objects.owned_by(request.user), pk=pk)
    return {"name": source.title[:80], "instruction": source.instruction}


def _store(request: HttpRequest, form: PresetForm) -> HttpResponse:
    if not (form.is_valid() and form.store()):
        raise Refused(form.first_error())
    messages.success(request, _("Saved “%s”.") % form.instance.name)
    return SeeOther(reverse("chat:presets"))


def _list_page(
    request: HttpRequest, form: PresetForm, refused: Refused | None = None
) -> HttpResponse:
    context = {"form": form, "presets": request.user.chat_presets.all()}
    return render(request, "chat/presets.html", context, status=_status(refused))


def _page(request: HttpRequest, form: PresetForm, refused: Refused | None = None) -> HttpResponse:
    context = {"form": form, "pk": form.instance.pk}
    return render(request, "chat/preset.html", context, status=_status(refused))


def _status(refused: Refused | None) -> int:
    return refused.status if refused else 200
