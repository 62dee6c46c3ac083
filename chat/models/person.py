from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_PRESETS = 50  # of one person


class Preset(models.Model):
    """An instruction that a person has named, to begin conversations with."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="presets")
    name = models.CharField(_("name"), max_length=80)
    instruction = models.TextField(_("instruction"))
    model = models.CharField(_("model"), max_length=200, blank=True)  # blank: the one chosen

    class Meta:
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="preset_names_are_unique")
        ]

    def __str__(self) -> str:
        return self.name


class Preferences(models.Model):
    """How a person wants the site; without a row, and where it is blank, as the browser says."""

    class Theme(models.TextChoices):
        LIGHT = "light", _("light")
        DARK = "dark", _("dark")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="preferences"
    )
    theme = models.CharField(_("theme"), max_length=5, choices=Theme, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)

    def __str__(self) -> str:
        return f"{self.user}: {self.theme} {self.language}"
