"""Django's own login, logout and passwords, with attempts counted and preferences brought along."""

from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, PasswordResetForm
from django.contrib.auth.views import LoginView as DjangoLoginView
from django.contrib.auth.views import LogoutView as DjangoLogoutView
from django.contrib.auth.views import PasswordChangeView as DjangoPasswordChangeView
from django.contrib.auth.views import PasswordResetView as DjangoPasswordResetView
from django.http import HttpRequest, HttpResponse

from chat.limits import LimitReached, check_password_reset, check_signing_in, forget_signing_in
from chat.preferences import recall, remember
from chat.views.answers import too_many


class LoginView(DjangoLoginView):
    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        recall(response, form.get_user())
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        if limit := getattr(self.request, "limit_reached", None):
            return too_many(self.request, limit)
        return super().form_invalid(form)


class PasswordChangeView(DjangoPasswordChangeView):
    """The old password may be guessed no more often than at the login."""

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            check_signing_in(request, request.user.get_username())
        except LimitReached as limit:
            return too_many(request, limit)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        self._forget()
        return super().form_valid(form)

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        if "old_password" not in form.errors:
            self._forget()
        return super().form_invalid(form)

    def _forget(self) -> None:
        forget_signing_in(self.request, self.request.user.get_username())


class PasswordResetView(DjangoPasswordResetView):
    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        try:
            check_password_reset(self.request, form.cleaned_data["email"])
        except LimitReached as limit:
            return too_many(self.request, limit)
        return super().form_valid(form)


class LogoutView(DjangoLogoutView):
    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        remember(response)
        return response
