from django.urls import include, path

from .views import actions, health, pages, presence, streams

app_name = "chat"

reply_urls = [
    # /chat/replies/<uuid>/
    path("", pages.reply, name="reply"),
    path("events", streams.events, name="events"),
    path("stop", actions.stop, name="stop"),
    path("retry", actions.retry, name="retry"),
    path("continue", actions.resume, name="continue"),
]

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    # /chat/
    path("chat/", pages.new, name="new"),
    path("chat/stream", streams.stream, name="stream"),
    path("chat/running", presence.running, name="running"),
    path("chat/<uuid:pk>/", pages.conversation, name="conversation"),
    path("chat/replies/<uuid:pk>/", include(reply_urls)),
]
