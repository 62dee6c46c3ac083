"""The admin site; with STAFF_SECOND_FACTOR, only for staff who have a second factor."""

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.generic import RedirectView

from project.admin import AdminSite

to_login = RedirectView.as_view(pattern_name="login", query_string=True)


class Administration(AdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and not _lacks_second_factor(request.user)

    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Where Django sends those who may not see a page: to the site's own login, which restores
        the preferences, or to the second factor that is missing."""
        if super().has_permission(request) and _lacks_second_factor(request.user):
            messages.info(request, _("Staff need a second factor here. Turn it on first."))
            return redirect("mfa_activate_totp")
        return to_login(request)

    def password_change(
        self, request: HttpRequest, extra_context: dict | None = None
    ) -> HttpResponse:
        """The site's own login, with its limits."""
        return redirect("password_change")


def _lacks_second_factor(user: AbstractBaseUser) -> bool:
    return settings.STAFF_SECOND_FACTOR and not is_mfa_enabled(user)
