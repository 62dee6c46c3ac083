from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path
from django.views.generic import RedirectView

from chat.views.health import healthz
from project import reports
from project.accounts import passwords
from project.accounts.views import LoginView
from project.mail import ResetForm

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="chat:new")),
    path("chat/", include("chat.urls")),
    path("healthz", healthz, name="healthz"),
    path("csp-reports", reports.reports, name="csp-reports"),
    path("accounts/login/", LoginView.as_view(), name="login"),
    path("accounts/logout/", passwords.LogoutView.as_view(), name="logout"),
    path(
        "accounts/password_change/", passwords.PasswordChangeView.as_view(), name="password_change"
    ),
    path(
        "accounts/password_change/done/",
        auth.PasswordChangeDoneView.as_view(),
        name="password_change_done",
    ),
    path("accounts/", include("project.accounts.urls")),
    # For staff too, so that the preferences go with them.
    path("admin/logout/", passwords.LogoutView.as_view()),
    path("admin/", admin.site.urls),
]

reset_urls = [
    path(
        "accounts/password_reset/",
        passwords.PasswordResetView.as_view(form_class=ResetForm),
        name="password_reset",
    ),
    path("accounts/", include("django.contrib.auth.urls")),
]
if settings.CAN_RESET_PASSWORDS:
    urlpatterns += reset_urls

handler400 = "project.errors.bad_request"
handler403 = "project.errors.permission_denied"
handler404 = "project.errors.not_found"
handler429 = "project.accounts.views.too_many"  # asked for by django-allauth
handler500 = "project.errors.server_error"
