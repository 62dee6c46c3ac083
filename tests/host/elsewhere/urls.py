from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.contrib.staticfiles.views import serve
from django.urls import include, path
from django.views.generic import TemplateView
from rest_framework.response import Response
from rest_framework.views import APIView

from chat.views.health import healthz


class WhoAmI(APIView):
    def get(self, request):
        return Response({"email": request.user.email})


urlpatterns = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("town/hall/assistant/", include("chat.urls")),
    path("alive", healthz),
    path("come-in/", LoginView.as_view(), name="come-in"),
    path("back-office/", admin.site.urls),
    path("api/me", WhoAmI.as_view()),
    path("assets/<path:path>", serve, {"insecure": True}),
]
