"""django-allauth, adapted to this site."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from chat.addresses import address_of
from chat.preferences import recall
from chat.views.answers import too_many


class Accounts(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.SIGN_UP

    def should_send_confirmation_mail(self, *_: Any) -> bool:
        return settings.CAN_RESET_PASSWORDS

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        """Under SITE_URL, whatever host the request named."""
        return settings.SITE_URL + reverse("account_confirm_email", args=[emailconfirmation.key])

    def send_account_already_exists_mail(self, email: str) -> None:
        words = {"password_reset_url": settings.SITE_URL + reverse("password_reset")}
        self.send_mail("account/email/account_already_exists", email, words)

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)

    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        """Counts as an attempt to log in, and answers 429 beyond the limit."""
        is_right = super().reauthenticate(user, password)
        if limit := getattr(self.request, "limit_reached", None):
            raise ImmediateHttpResponse(too_many(self.request, limit))
        return is_right

    def post_login(
        self, request: HttpRequest, user: AbstractBaseUser, **login: Any
    ) -> HttpResponse:
        response = super().post_login(request, user, **login)
        recall(response, user)
        return response


class OtherHosts(DefaultSocialAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """No account is made for an email address that another account has already: the owner of
        that one can connect the two."""
        known = Q()
        for address in sociallogin.email_addresses:
            known |= Q(email__iexact=address.email)
        taken = bool(known) and get_user_model().objects.filter(known).exists()
        return settings.SSO_SIGN_UP and not taken
