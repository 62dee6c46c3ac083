from django.urls import include, path

from .views import (
    actions,
    exporting,
    feedback,
    health,
    keeping,
    listing,
    pages,
    preferences,
    presence,
    presets,
    search,
    sharing,
    streams,
)

app_name = "chat"

reply_urls = [
    # /chat/replies/<uuid>/
    path("", pages.reply, name="reply"),
    path("events", streams.events, name="events"),
    path("stop", actions.stop, name="stop"),
    path("retry", actions.retry, name="retry"),
    path("continue", actions.resume, name="continue"),
    path("feedback", feedback.feedback, name="feedback"),
]

conversation_urls = [
    # /chat/<uuid>/
    path("", pages.conversation, name="conversation"),
    path("rename", keeping.rename, name="rename"),
    path("pin", keeping.pin, name="pin"),
    path("unpin", keeping.unpin, name="unpin"),
    path("archive", keeping.archive, name="archive"),
    path("unarchive", keeping.unarchive, name="unarchive"),
    path("delete", keeping.delete, name="delete"),
    path("restore", keeping.restore, name="restore"),
    path("instruction", keeping.instruct, name="instruction"),
    path("share", sharing.share, name="share"),
    path("unshare", sharing.unshare, name="unshare"),
    path("export.md", exporting.markdown, name="export-markdown"),
    path("export.json", exporting.json, name="export-json"),
]

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    # /chat/
    path("chat/", pages.new, name="new"),
    path("chat/stream", streams.stream, name="stream"),
    path("chat/running", presence.running, name="running"),
    path("chat/conversations", listing.conversations, name="list"),
    path("chat/archived/", listing.archived, name="archived"),
    path("chat/search", search.search, name="search"),
    path("chat/shared/<uuid:token>/", sharing.shared, name="shared"),
    path("chat/preferences", preferences.preferences, name="preferences"),
    path("chat/presets/", presets.presets, name="presets"),
    path("chat/presets/<int:pk>/", presets.preset, name="preset"),
    path("chat/presets/<int:pk>/delete", presets.delete, name="preset-delete"),
    path("chat/<uuid:pk>/", include(conversation_urls)),
    path("chat/messages/<uuid:pk>/show", actions.show, name="show"),
    path("chat/replies/<uuid:pk>/", include(reply_urls)),
]
