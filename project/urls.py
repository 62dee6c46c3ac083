from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from chat.views import accounts

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="chat:new")),
    path("", include("chat.urls")),
    path("accounts/login/", accounts.LoginView.as_view(), name="login"),
    path("accounts/logout/", accounts.LogoutView.as_view(), name="logout"),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "chat.views.errors.bad_request"
handler403 = "chat.views.errors.permission_denied"
handler404 = "chat.views.errors.not_found"
handler500 = "chat.views.errors.server_error"
