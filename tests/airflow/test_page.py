"""docs/airflow.md says what the settings and params are."""

from conftest import ROOT
from moderation_dags.settings import Settings

PAGE = (ROOT / "docs" / "airflow.md").read_text(encoding="utf-8")


def shown(default: object) -> str:
    """A default as one writes it in JSON."""
    if default is None:
        return "null"
    return default if isinstance(default, str) else str(default)


def test_every_setting_stands_on_the_page_with_its_default_and_meaning() -> None:
    lines = []
    for name, field in Settings.model_fields.items():
        plain = "the checkout" if name == "project" else f"`{shown(field.default)}`"
        default = "needed" if field.is_required() else plain
        lines.append(f"| `{name}` | {default} | {(field.description or '').replace('<', '&lt;')} |")
    assert "\n".join(lines) in PAGE, "\n".join(lines)
