"""Deployment checks: what would be unwise in production (`manage.py check --deploy`)."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from .private import is_open


@register(deploy=True)
def check_secret_key(**_: Any) -> list[CheckMessage]:
    kept = Path(settings.DATA_DIR) / "secret_key"
    if not settings.HTTPS or not kept.exists() or kept.read_text() != settings.SECRET_KEY:
        return []
    text = f"SECRET_KEY is the one that was made in {kept}."
    hint = (
        "Fine on one machine with a disk that stays. Where there are several machines, or "
        "containers that are replaced, set SECRET_KEY: else people are logged out at each change."
    )
    return [Warning(text, hint=hint, id="project.W001")]


@register(deploy=True)
def check_data_directory(**_: Any) -> list[CheckMessage]:
    path = Path(settings.DATA_DIR)
    if not is_open(path):
        return []
    hint = f"It was there before the site was. If it is the site's alone: chmod 700 {path}"
    return [Warning(f"Others may look into {path}.", hint=hint, id="project.W002")]
