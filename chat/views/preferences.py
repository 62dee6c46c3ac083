from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from ..forms import PreferencesForm
from ..models import Preferences
from ..preferences import remember
from .access import methods, page_for_signed_in
from .answers import Answer, respond
from .fields import page_left


@methods("POST")
@page_for_signed_in
def preferences(request: HttpRequest) -> HttpResponse:
    """Store theme and language, in cookies and for the next login, and go back to the page."""
    chosen = PreferencesForm(request.POST, languages=settings.LANGUAGES).checked()
    Preferences.objects.update_or_create(user=request.user, defaults=chosen)
    page = page_left(request) or reverse("chat:new")
    response = respond(request, Answer(page, chosen))
    remember(response, **chosen)
    return response
