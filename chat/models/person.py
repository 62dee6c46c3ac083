from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..database import atomic

MAX_PRESETS = 50  # of one user


class TooManyPresets(Exception):
    """The user has as many presets as allowed."""


def lock(user_id: object) -> None:
    """Until the transaction ends, nobody else counts this user's rows."""
    person = get_user_model()._base_manager.select_for_update(no_key=True)
    person.values_list("pk").get(pk=user_id)


class Preset(models.Model):
    """A named instruction of a user, to begin conversations with."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="chat_presets")
    name = models.CharField(_("name"), max_length=80)
    instruction = models.TextField(_("instructions"))
    model = models.CharField(_("model"), max_length=200, blank=True)  # blank: the one chosen

    class Meta:
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="preset_names_are_unique")
        ]

    def __str__(self) -> str:
        return self.name

    @atomic()
    def add(self) -> None:
        """Store it as new. Raises TooManyPresets, and IntegrityError for a duplicate name."""
        lock(self.user_id)
        if Preset.objects.filter(user=self.user_id).count() >= MAX_PRESETS:
            raise TooManyPresets
        self.save(force_insert=True)


class Preferences(models.Model):
    """A user's display settings; without a row, or where blank, the browser's apply."""

    class Theme(models.TextChoices):
        LIGHT = "light", _("light")
        DARK = "dark", _("dark")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="chat_preferences"
    )
    theme = models.CharField(_("theme"), max_length=5, choices=Theme, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)

    def __str__(self) -> str:
        return f"{self.user}: {self.theme} {self.language}"
