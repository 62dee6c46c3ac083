"""Coming in, going out, and the page of one's own account."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import EmailAddress, Login
from allauth.mfa.base.views import IndexView
from allauth.socialaccount.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from chat.views import answers

from . import passwords
from .sessions import end_others

RETRY_AFTER = 300  # seconds; what django-allauth counts, it counts over five minutes at most
logger = logging.getLogger("chat.accounts")


class LoginView(passwords.LoginView):
    """As Django has it; then django-allauth asks for a confirmed address and a second factor."""

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        if self.request.user.is_authenticated:
            logout(self.request)  # who logs in as somebody else
        login = Login(
            form.get_user(), _verification(form.get_user()), redirect_url=self.get_success_url()
        )
        return perform_password_login(self.request, form.cleaned_data, login)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(**context) | {
            "providers": _providers(self.request),
            "sign_up": settings.SIGN_UP,
        }


def _verification(user: Any) -> str:
    """Only who has signed up has an address to confirm: accounts made by staff have none."""
    waits = EmailAddress.objects.filter(user=user, verified=False).exists()
    return "mandatory" if waits else "none"


def _providers(request: HttpRequest) -> list:
    if not settings.SOCIALACCOUNT_PROVIDERS:
        return []
    return get_adapter().list_providers(request)


class AccountView(IndexView):
    template_name = "account/account.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(**context) | {"providers": _providers(self.request)}


@require_POST
@login_required
def log_out_elsewhere(request: HttpRequest) -> HttpResponse:
    end_others(request)
    messages.success(request, _("You are logged out everywhere else."))
    return redirect("account")


def too_many(request: HttpRequest) -> HttpResponse:
    text = _("Too many tries. Wait five minutes and try again.")
    return answers.in_words(request, 429, text, template="chat/429.html", retry_after=RETRY_AFTER)


def failures_said(view: Callable) -> Callable:
    """For a view that talks with another host: one that cannot be reached, that makes no sense, or
    whose answer nobody here asked for, is said."""

    @wraps(view)
    def asking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except PermissionDenied:
            status = 401
        except (OSError, ValueError, SyntaxError) as error:  # of requests, urllib, JSON and XML
            logger.warning("%s: %s", request.path, error)
            status = 502
        return render(request, "socialaccount/authentication_error.html", status=status)

    return asking
