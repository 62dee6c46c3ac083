"""Django's own login and logout, which also bring and take the cookies of the preferences."""

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView as DjangoLoginView
from django.contrib.auth.views import LogoutView as DjangoLogoutView
from django.http import HttpRequest, HttpResponse

from ..models import Preferences
from ..preferences import remember


class LoginView(DjangoLoginView):
    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        kept = Preferences.objects.filter(user=form.get_user()).first()
        if kept:
            remember(response, kept.theme, kept.language)
        return response


class LogoutView(DjangoLogoutView):
    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        remember(response)
        return response
