"""One picture of the six of a screen, scaled down."""

from html import escape

WIDTHS = {360: 300, 768: 430, 1440: 770}  # pixels of a picture on the sheet, by its own
TALLEST = 1600  # pixels of a picture on the sheet
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{
  inline-size: max-content; margin: 16px; background: #888; color: #fff; font: 16px sans-serif;
}}
main {{
  display: grid; grid-template-columns: repeat(3, max-content); gap: 12px; align-items: start;
}}
figure {{ margin: 0; max-height: {tallest}px; overflow: hidden }}
figcaption {{ font-size: 13px }}
img {{ display: block }}
</style><h1>{title}</h1><main>{figures}</main>"""


def lay_out(chromium, name, pictures, folder):
    """`sheets/<name>.png` in the folder, light above dark."""
    light = [each for each in pictures if each.stem.endswith("-light")]
    dark = [each for each in pictures if each.stem.endswith("-dark")]
    figures = "".join(_figure(each) for each in light + dark)
    draft = folder / "sheet.html"
    draft.write_text(PAGE.format(title=escape(name), figures=figures, tallest=TALLEST))
    page = chromium.new_page(viewport={"width": 1560, "height": 400})
    page.goto(draft.as_uri())
    page.screenshot(path=folder / "sheets" / f"{name}.png", full_page=True)
    page.close()
    draft.unlink()


def _figure(picture):
    *_, width, scheme = picture.stem.split("-")
    return (
        f"<figure><figcaption>{width} {scheme}</figcaption>"
        f'<img src="{escape(picture.name)}" style="max-width: {WIDTHS[int(width)]}px"></figure>'
    )
