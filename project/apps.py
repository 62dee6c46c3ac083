from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "project"

    def ready(self) -> None:
        from . import checks  # noqa: F401
