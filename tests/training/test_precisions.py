"""What a lower precision costs is measured, and the card says so."""

import re
from pathlib import Path

import pytest

from moderation.errors import UsageError
from moderation.inference.devices import Device, check
from moderation.training.precisions import precision_figures, precision_section
from moderation.training.recipe import read_recipe


def test_each_precision_that_the_machine_has_is_measured_beside_fp32(recipe: Path, data: Path, trained: Path) -> None:
    read = read_recipe(recipe).model_copy(update={"precisions": ["bf16"]})
    found = precision_figures(trained, read, data)
    try:
        check("bf16", Device("cpu"))
    except UsageError:
        assert [figures.precision for figures in found] == ["fp32"]
        pytest.skip("this processor has no bf16")
    exact, half = found
    assert (exact.precision, exact.changed, exact.largest) == ("fp32", 0.0, 0.0)
    assert half.precision == "bf16" and 0 < half.largest < 0.1
    assert half.roc_auc == pytest.approx(exact.roc_auc, abs=0.02)


def test_the_section_is_a_table_with_a_row_for_each(recipe: Path, data: Path, trained: Path) -> None:
    read = read_recipe(recipe).model_copy(update={"precisions": []})
    section = precision_section(precision_figures(trained, read, data))
    assert section.startswith("## Precisions")
    assert re.search(r"^\| fp32 +\|( *[\d.]+ \|){3} +0\.00% \| +0\.000 \|$", section, re.MULTILINE)
