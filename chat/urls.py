from django.urls import include, path

from .views import (
    actions,
    exporting,
    feedback,
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

# Beneath whichever address the site includes them at.
app_name = "chat"

reply_urls = [
    # replies/<uuid>/
    path("", pages.reply, name="reply"),
    path("events", streams.events, name="events"),
    path("stop", actions.stop, name="stop"),
    path("retry", actions.retry, name="retry"),
    path("continue", actions.resume, name="continue"),
    path("feedback", feedback.feedback, name="feedback"),
]

conversation_urls = [
    # <uuid>/
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
    path("", pages.new, name="new"),
    path("stream", streams.stream, name="stream"),
    path("running", presence.running, name="running"),
    path("conversations", listing.conversations, name="list"),
    path("archived/", listing.archived, name="archived"),
    path("search", search.search, name="search"),
    path("shared/<uuid:token>/", sharing.shared, name="shared"),
    path("preferences", preferences.preferences, name="preferences"),
    path("presets/", presets.presets, name="presets"),
    path("presets/<int:pk>/", presets.preset, name="preset"),
    path("presets/<int:pk>/delete", presets.delete, name="preset-delete"),
    path("<uuid:pk>/", include(conversation_urls)),
    path("messages/<uuid:pk>/show", actions.show, name="show"),
    path("replies/<uuid:pk>/", include(reply_urls)),
]
