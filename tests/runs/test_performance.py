"""The run report's figures."""

import pytest

from moderation.inference.work import Work
from moderation.models.spec import Shape
from moderation.runs.performance import cost, performance, speed

SHAPE = Shape.model_validate({"hidden_size": 2, "num_hidden_layers": 3, "intermediate_size": 5, "vocab_size": 9})
WORK = Work(
    texts=10,
    duplicates=1,
    computed_tokens=90,
    padded_tokens=100,
    operations=SHAPE.operations(90, 1000),
    tokenise_seconds=1.0,
    model_seconds=6.0,
    decode_seconds=0.5,
)


def test_seconds_of_the_workers_are_divided_by_their_number_and_the_rest_is_sparks() -> None:
    seconds = performance(WORK, 2.0, 8.0, 2, None)["seconds"]
    assert seconds == {
        "scoring": 8.0,
        "load": 1.0,
        "tokenise": 0.5,
        "model": 3.0,
        "decode": 0.25,
        "read_and_write": 3.25,
    }


def test_the_share_of_the_peak_counts_the_products_of_real_tokens_by_hand() -> None:
    per_token = 2 * (4 * 2 * 2 + 2 * 2 * 5)  # query, key, value and output; up and down; a product and a sum
    operations = 3 * (90 * per_token + 1000 * 4 * 2)
    found = performance(WORK, 2.0, 8.0, 2, peak=1e6)
    assert found["share_of_peak"] == pytest.approx(operations / 7.0 / 1e6, abs=1e-4)


def test_without_a_peak_no_share_is_claimed() -> None:
    found = performance(WORK, 0.0, 8.0, 2, None)
    assert found["share_of_peak"] is None and found["peak_gigaflops"] is None


def test_waste_and_duplicates_are_shares() -> None:
    found = performance(WORK, 0.0, 8.0, 2, None)
    assert (found["padding_waste"], found["duplicates_saved"]) == (0.1, 0.1)


def test_a_run_without_a_text_divides_by_nothing() -> None:
    found = performance(Work(), 0.0, 0.0, 1, 1e9)
    assert found["padding_waste"] == found["duplicates_saved"] == found["share_of_peak"] == 0.0


def test_speed_is_of_scored_comments() -> None:
    assert speed({"scored": 100, "tokens": 4000}, 8.0) == {"comments_per_second": 12.5, "tokens_per_second": 500.0}


def test_a_million_comments_cost_what_the_hours_they_take_cost() -> None:
    assert cost(2.0, 3600.0, 500_000) == {"cost_per_million": 4.0}


@pytest.mark.parametrize(("price", "comments"), [(None, 10), (1.0, 0)])
def test_no_price_or_no_comments_no_cost(price: float | None, comments: int) -> None:
    assert cost(price, 10.0, comments) == {}
