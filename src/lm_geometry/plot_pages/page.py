"""The page in which DVC shows plots, with everything it needs inside: it opens without a network.

`python -m lm_geometry.plot_pages.page` makes it when the environment is set up.
"""

from pathlib import Path

from lm_geometry.figures.export import vega_lite_version
from lm_geometry.workspace.files import whole_file
from lm_geometry.workspace.section import ROOT

PAGE = ROOT / ".dvc" / "plots" / "page_offline.html"

# DVC replaces {refresh_tag} and {plot_divs}; {scripts} would load its own copies from a network.
_HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>lm-geometry: figures</title>
{refresh_tag}
<style>
body { font-family: "Liberation Sans", Arial, Helvetica, sans-serif; color: #1f2933;
  margin: 2rem auto; max-width: 1480px; padding: 0 1rem; background: #f4f6f8; }
h1 { font-size: 1.5rem; margin-bottom: 0.3rem; }
p { color: #6b7785; margin-top: 0; }
#left-out:empty { display: none; }
nav { columns: 16rem; margin: 1rem 0; line-height: 1.6; }
nav a { color: #0072B2; display: block; }
main { display: grid; gap: 1.2rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
main > div { background: white; border: 1px solid #dde3e9; border-radius: 6px;
  padding: 0.6rem; overflow-x: auto; scroll-margin-top: 1rem; }
main .vega-embed .vega-actions { right: 0; }
img { max-width: 100%; }
@media (min-width: 1900px) {
  body { max-width: 2900px; }
  main { grid-template-columns: repeat(2, minmax(0, 1fr)); grid-auto-flow: row dense; }
  main > .wide { grid-column: 1 / -1; }
  main svg { max-width: 100%; height: auto; }
}
</style>
<script>SCRIPTS</script>
</head>
<body>
<h1>lm-geometry: figures</h1>
<p>One row of panels for each revision; its settings stand above it. Point at a mark to read its
values.</p>
<nav></nav>
<p id="left-out"></p>
<main>
{plot_divs}
</main>
<script>CONTENTS</script>
</body>
</html>
"""

# What DVC's own scripts leave behind in a page.
_GLOBALS = "window.vegaEmbed = vegaEmbed; window.vegaLite = vegaLite; window.vega = vega;"

# Where two figures stand in a row, one that would lose more than an eighth of its size has both
# columns: its type would be too small to read.
_WIDE = """
const widened = place => {
  const figure = document.querySelector(place), svg = figure.querySelector("svg.marks");
  if (svg && svg.viewBox.baseVal.width * 7 / 8 > figure.parentElement.clientWidth / 2)
    figure.classList.add("wide");
};
"""

# A figure whose records only say why there are none is no entry of the page; all are named once.
_LEFT_OUT = """
const drawn = window.vegaEmbed, leftOut = new Map();
window.vegaEmbed = (place, spec, ...more) => {
  const rows = (spec.data && spec.data.values) || [];
  if (!rows.length || !rows.every(row => row.message))
    return Promise.resolve(drawn(place, spec, ...more)).then(made => (widened(place), made));
  const title = [].concat((spec.title && spec.title.text) || place)[0];
  leftOut.set(title, [...new Set(rows.map(row => row.message))].join(", "));
  document.querySelector(place).remove();
  document.getElementById("left-out").textContent = "Nothing to show, and left out: " +
    [...leftOut].map(([name, why]) => name + " (" + why + ")").join("; ") + ".";
  return Promise.resolve();
};
"""

# A line for each figure, which has the name of its data file: "plots_loss_json" is "loss".
_CONTENTS = """
const contents = document.querySelector("nav");
for (const figure of document.querySelectorAll("main > div[id]")) {
  const link = document.createElement("a");
  link.href = "#" + figure.id;
  link.textContent = figure.id.replace(/^plots_|_json$/g, "").replaceAll("_", " ");
  contents.append(link);
}
"""


def page() -> str:
    """Text of the page: Vega, Vega-Lite and vega-embed inline, and DVC's two anchors."""
    import vl_convert

    scripts = vl_convert.javascript_bundle(_GLOBALS, vl_version=vega_lite_version())
    filled = _HTML.replace("CONTENTS", _CONTENTS)
    return filled.replace("SCRIPTS", scripts.replace("</script", "<\\/script") + _WIDE + _LEFT_OUT)


def write_page(path: Path = PAGE) -> bool:
    """Whether the page was written: False where `path` has that very text already."""
    text = page()
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return True


if __name__ == "__main__":
    print(f"{PAGE} {'written' if write_page() else 'is up to date'}")
