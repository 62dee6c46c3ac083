from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path
from django.views.generic import RedirectView

from chat.views import accounts

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="chat:new")),
    path("", include("chat.urls")),
    path("accounts/login/", accounts.LoginView.as_view(), name="login"),
    path("accounts/logout/", accounts.LogoutView.as_view(), name="logout"),
    path("accounts/password_change/", auth.PasswordChangeView.as_view(), name="password_change"),
    path(
        "accounts/password_change/done/",
        auth.PasswordChangeDoneView.as_view(),
        name="password_change_done",
    ),
    # For staff too, so that the preferences come and go with them.
    path("admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)),
    path("admin/logout/", accounts.LogoutView.as_view()),
    path("admin/", admin.site.urls),
]

if settings.CAN_RESET_PASSWORDS:
    urlpatterns += [path("accounts/", include("django.contrib.auth.urls"))]

handler400 = "chat.views.errors.bad_request"
handler403 = "chat.views.errors.permission_denied"
handler404 = "chat.views.errors.not_found"
handler500 = "chat.views.errors.server_error"
