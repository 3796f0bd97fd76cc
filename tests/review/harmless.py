"""Whether a page holds anything that runs, loads or hides, but what its template has."""

from html.parser import HTMLParser


class Tags(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def check_harmless(text: str) -> None:
    """Nothing that runs, loads or hides is in a page but what the templates have."""
    for tag, attributes in Tags(text).found:
        assert tag not in ("iframe", "object", "embed", "base", "style", "math", "plaintext", "template", "img"), tag
        assert not [name for name in attributes if name.startswith("on") or name == "style"], attributes
        if tag in ("script", "link"):
            address = attributes.get("src") or attributes.get("href") or ""
            assert address.startswith("/static/"), attributes
        if tag == "a" or (tag == "form" and attributes.get("method") != "dialog"):
            address = attributes.get("href") or attributes.get("action") or ""
            assert address.startswith(("/", "#")) and not address.startswith("//"), attributes
