from django import template
from django.conf import settings
from django.db.models import Model
from django.shortcuts import resolve_url

from ..conf import conf
from ..markup import is_long, written
from ..models import Message
from ..naming import find
from ..provider import FOR_STAFF

register = template.Library()
register.filter(written)
register.filter(is_long)


@register.simple_tag
def login_url() -> str:
    """Where people log in to this site."""
    return resolve_url(settings.LOGIN_URL)


@register.filter
def note_for(message: Message, user: Model) -> str:
    """The note below a reply. Staff are told what to do, others to tell the staff; so are staff
    where it may be any of several providers: the page tells them which one is in trouble."""
    trouble = FOR_STAFF.get(message.error) if getattr(user, "is_staff", False) else None
    if trouble is None or len(conf().providers) > 1:
        return message.note
    return trouble.told(find(message.model)[0])
