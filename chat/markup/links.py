"""Links lead out of the site, to a URL that the user can see.

Absolute http and https URLs and mailto are kept; everything else loses its target. So a text can
link to the site itself only by an absolute URL, and that is harmless: no page of the site changes
anything on GET (tests/views/test_looking.py), and the new tab cannot reach the one that opened
it.
"""

import re
from html import escape, unescape
from urllib.parse import unquote

LONGEST_HOST = 253  # characters; RFC 1035

_LINK = r'<a href="([^"]*)"(?: title="[^"]*")?>(.*?)</a>'
_IMAGE = re.compile(r'<img src="([^"]*)" alt="([^"]*)"(?: title="[^"]*")? />')
_LINK_OR_IMAGE = re.compile(f"{_LINK}|{_IMAGE.pattern}", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_WEB = re.compile(r"(https?)://([^/?#@:\[\]]+|\[[0-9a-f:.]+\])(:\d{1,5})?([/?#].*)?", re.I | re.S)
_MAIL = re.compile(r"mailto:([\w.+-]+@[\w-]+(?:\.[\w-]+)*)(?:\?.*)?", re.A | re.I | re.S)
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.?|\[[0-9a-f:.]+\]", re.A)


def with_targets(html: str) -> str:
    """`html` without images, with links that leave the site and say where to."""
    if "<a " not in html and "<img " not in html:
        return html
    return _LINK_OR_IMAGE.sub(_shown, html)


def _shown(match: re.Match[str]) -> str:
    address, inner, source, name = match.groups()
    if address is None:
        return _link(source, name or source)
    return _link(address, _IMAGE.sub(lambda image: image[2] or image[1], inner))


def _link(address: str, inner: str) -> str:
    """Only `inner` if the address cannot be followed and displayed."""
    target, place = _followed(unescape(address))
    if not target:
        return inner
    told = "" if _tells(inner, place) else f' <bdi class="host">({escape(place)})</bdi>'
    return f'<a href="{escape(target)}">{inner}{told}</a>'


def _followed(address: str) -> tuple[str, str]:
    """The address to follow, and the part users see: its host, or the email recipient."""
    if mail := _MAIL.fullmatch(address):
        return address, mail[1]
    web = _WEB.fullmatch(address)
    if not web or not (host := _ascii(web[2])):
        return "", ""
    host += web[3] or ""
    return f"{web[1].lower()}://{host}{web[4] or ''}", host


def _ascii(host: str) -> str:
    """The host as it is resolved, so that none can mimic another: "xn--…" (RFC 3490)."""
    host = unquote(host, errors="replace")
    if len(host) > LONGEST_HOST:
        return ""
    try:
        host = host.lower() if host.isascii() else host.encode("idna").decode().lower()
    except UnicodeError:
        return ""
    return host if _HOST.fullmatch(host) else ""


def _tells(inner: str, place: str) -> bool:
    """Whether the visible text of a link is its address or a prefix of it."""
    text = unescape(_TAG.sub("", inner)).strip().lower()
    text = text.removeprefix("https://").removeprefix("http://").removeprefix("mailto:")
    behind = text.removeprefix(place.lower())[:1]
    return text.startswith(place.lower()) and behind in "/?#" and not any(map(str.isspace, text))
