from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from ..forms import PreferencesForm
from ..models import Preferences
from ..preferences import remember
from .access import SeeOther, methods, page_for_signed_in, refusal, wants_json


@methods("POST")
@page_for_signed_in
async def preferences(request: HttpRequest) -> HttpResponse:
    """Keep the theme and the language, here and for the next login; back to the page."""
    form = PreferencesForm(request.POST, languages=settings.LANGUAGES)
    if not form.is_valid():
        if wants_json(request):
            return refusal(form.first_error(), 400)
        return await sync_to_async(render)(request, "400.html", status=400)
    await Preferences.objects.aupdate_or_create(user=request.user, defaults=form.cleaned_data)
    response = JsonResponse(form.cleaned_data) if wants_json(request) else _back(request)
    remember(response, **form.cleaned_data)
    return response


def _back(request: HttpRequest) -> HttpResponseRedirect:
    url = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(url, {request.get_host()})
    return SeeOther(url if is_ours else reverse("chat:new"))
