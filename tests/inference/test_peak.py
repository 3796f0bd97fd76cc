"""What the machine's matrix products reach."""

import pytest
import torch

from moderation.inference import peak


@pytest.mark.parametrize("half", [False, True])
def test_a_product_has_a_speed_that_a_processor_can_have(half: bool) -> None:
    assert 1e6 < peak.product_speed(64, 64, 64, seconds=0.01, half=half) < 1e15


def test_a_product_is_measured_at_least_once_however_little_time_there_is() -> None:
    assert peak.product_speed(8, 8, 8, seconds=0.0) > 0


def test_the_peak_is_that_of_the_fastest_shape_in_the_precision_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def speed(rows: int, inner: int, columns: int, seconds: float, half: bool) -> float:
        asked.append(half)
        return float(rows)

    monkeypatch.setattr(peak, "product_speed", speed)
    peak.matrix_peak.cache_clear()
    assert peak.matrix_peak("fp32") == max(rows for rows, _, _ in peak.QUICK)
    assert set(asked) == {False}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    peak.matrix_peak("auto")
    assert asked[-1]
    peak.matrix_peak.cache_clear()
