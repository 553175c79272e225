"""Labels that somebody gives a model, a corpus or a group, to be run where they are shown."""

import json
import re
from html.parser import HTMLParser
from typing import Any

LABELS = {
    "an end of a script": "</script><img src=x onerror=alert(1)>",
    "one in capitals, with a comment": "</SCRIPT ><!--<script>alert(1)</script>",
    "an end of a title": "</title><script>alert(1)</script>",
    "an end of a style": "</style><iframe src=javascript:alert(1)></iframe>",
    "an end of an attribute": "\" onload=alert(1) x='",
    "an entity": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "a template": "{{7*7}}{% raw %}${7*7}<%= 7*7 %>",
    "a place of DVC's": "{plot_divs}<DVC_METRIC_DATA>",
    "a prototype": "__proto__",
    "its members": "constructor",
    "separators": "a\u2028alert(1)\u2029b",
    "an end of a text": '";alert(1)//\\',
    "CDATA in a picture": "]]><script>alert(1)</script>",
    "Markdown": "![](http://elsewhere.invalid/seen.svg)[x](javascript:alert(1))",
}


LEADING = ("src", "href", "xlink:href", "action", "formaction", "data", "srcdoc")
SAFE = ("data:image/", "#")
ALLOWED = {"a": ("#", "http://", "https://")}


class Page(HTMLParser):
    """What a browser would make of a page: elements, their attributes, texts, scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.scripts = "", list[str]()
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[-1] += data
        elif self._open != "style":
            self.text += data

    @property
    def tags(self) -> list[str]:
        """The elements in their order: a label adds none."""
        return [tag for tag, _ in self.elements]

    @property
    def runs(self) -> list[str]:
        """Attributes that are run, or load what is not in the page."""
        return [
            f"{tag} {name}={value}"
            for tag, own in self.elements
            for name, value in own.items()
            if name.startswith("on")
            or (name in LEADING and not str(value).startswith(ALLOWED.get(tag, SAFE)))
        ]


def specification(script: str, begins: str) -> Any:
    """The JSON that a script assigns to a variable."""
    found = re.search(re.escape(begins), script)
    assert found is not None
    return json.JSONDecoder().raw_decode(script[found.end() :].lstrip())[0]
