"""HTML as a browser reads it, and what must never be in that of a text."""

from xml.etree.ElementTree import Element

import html5lib

ELEMENTS = {
    *("a", "bdi", "blockquote", "br", "code", "del", "div", "em", "hr", "li", "ol", "p", "pre"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "span", "strong", "table", "tbody", "td", "th", "thead"),
    *("tr", "ul", "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot"),
    *("msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts"),
    *("mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose"),
}
ATTRIBUTES = {
    *("class", "href", "target", "rel", "start", "tabindex", "align", "data-language"),
    *("data-math-style", "display", "displaystyle", "scriptlevel", "lspace", "rspace", "width"),
    *("height", "depth", "voffset", "stretchy", "symmetric", "largeop", "movablelimits"),
    *("minsize", "maxsize", "accent", "accentunder", "form", "fence", "separator", "mathvariant"),
    *("linethickness", "columnspan", "notation"),
}
SCHEMES = ("http://", "https://", "mailto:")


def parsed(html: str) -> Element:
    return html5lib.parseFragment(html, namespaceHTMLElements=False)


def text_of(html: str) -> str:
    return "".join(parsed(html).itertext())


def forbidden(html: str) -> list[str]:
    """What in `html` has no place on a page."""
    return [
        fault
        for element in parsed(html).iter()
        if element.tag != "DOCUMENT_FRAGMENT"
        for fault in _faults(element)
    ]


def _faults(element: Element) -> list[str]:
    name = str(element.tag).rpartition("}")[2]
    faults = [] if name in ELEMENTS else [f"<{name}>"]
    faults += [f"{name} {each}" for each in set(element.attrib) - ATTRIBUTES]
    if name == "a" and not element.get("href", "").startswith(SCHEMES):
        faults.append(f"to {element.get('href')}")
    if name == "a" and {"noopener", "noreferrer"} - set(element.get("rel", "").split()):
        faults.append("a link without rel")
    return faults
