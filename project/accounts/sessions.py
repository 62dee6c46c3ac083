"""All sessions of a user."""

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

CHUNK = 500  # sessions read, or deleted, at a time


def end_others(request: HttpRequest) -> None:
    """End all sessions of the user except this one.

    A session has to be decoded to tell whose it is. That takes 30 ms a thousand, in a thread, for a
    button that is rarely used; a column for it would cost every request.
    """
    sessions = Session.objects.exclude(session_key=request.session.session_key)
    open_now = sessions.filter(expire_date__gt=timezone.now()).iterator(CHUNK)
    theirs = [each.pk for each in open_now if _owner(each) == str(request.user.pk)]
    for start in range(0, len(theirs), CHUNK):
        Session.objects.filter(pk__in=theirs[start : start + CHUNK]).delete()


def _owner(session: Session) -> str | None:
    return session.get_decoded().get(SESSION_KEY)
