"""Calibration artefacts at run time: what they change, and which are refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from moderation.errors import UsageError
from moderation.inference.engine import Engine
from moderation.models.artefact import Artefact, Data, Fitted, read_artefact, with_calibration
from moderation.models.calibration import Calibration
from moderation.models.load import ModelSource, find_model

TEXTS = ["hello you", "you utter fool", "the train to Rome was late again"]
OUTPUTS = {"insult": 5, "threat": 4}
ISOTONIC = Calibration(x=(0.1, 0.5, 0.9), y=(0.05, 0.2, 0.95))


@pytest.fixture(scope="module")
def source(tiny_model: Path) -> ModelSource:
    return find_model(str(tiny_model))


def artefact(network_id: str, **labels: Calibration) -> Artefact:
    """An artefact with figures that mean nothing; the outputs are the tiny model's."""
    rest = {
        "criterion": "f1",
        "column": "c",
        "rows": 90,
        "positives": 30,
        "base_rate": 1 / 3,
        "log_loss": {"platt": 0.3},
    }
    figures = dict.fromkeys(("ece_before", "ece_after", "precision", "recall", "macro_f1"), 0.5)
    fitted = {
        name: Fitted.model_validate(
            {"calibration": one, "output": OUTPUTS.get(name, 0), "threshold": 0.3} | rest | figures
        )
        for name, one in labels.items()
    }
    return Artefact(network_id=network_id, data=Data(sha256="0" * 64, rows=90), labels=fitted)


def written(folder: Path, content: Artefact) -> Path:
    path = folder / "calibration.json"
    path.write_text(content.text(), encoding="utf-8")
    return path


def test_an_artefact_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = artefact("n", insult=ISOTONIC, threat=Calibration(scale=2, shift=-1))
    assert read_artefact(written(tmp_path, made)) == made


def test_it_changes_scores_thresholds_and_the_model_id_but_not_the_network(source: ModelSource, tmp_path: Path) -> None:
    found = with_calibration(source, written(tmp_path, artefact(source.network_id, insult=ISOTONIC)))
    assert (found.network_id, found.folder) == (source.network_id, source.folder)
    assert found.model_id != source.model_id and len(found.model_id) == len(source.model_id)
    assert found.spec.thresholds == source.spec.thresholds | {"insult": 0.3}
    before, after = (Engine(one, "fp32").score(TEXTS).scores for one in (source, found))
    insult = source.spec.labels.index("insult")
    assert after[:, insult] == pytest.approx(np.interp(before[:, insult], ISOTONIC.x, ISOTONIC.y), abs=1e-4)
    assert np.delete(after, insult, 1) == pytest.approx(np.delete(before, insult, 1), abs=1e-5)


def test_each_artefact_gives_another_model_id(source: ModelSource, tmp_path: Path) -> None:
    ids = {
        with_calibration(
            source, written(tmp_path, artefact(source.network_id, insult=Calibration(scale=scale)))
        ).model_id
        for scale in (1, 2)
    }
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("network", "label", "words"),
    [("another", "insult", "was fitted to network another, but model"), (None, "rudeness", "is of rudeness; model")],
)
def test_an_artefact_of_another_network_or_of_unknown_labels_is_refused_by_name(
    source: ModelSource, tmp_path: Path, network: str | None, label: str, words: str
) -> None:
    path = written(tmp_path, artefact(network or source.network_id, **{label: ISOTONIC}))
    with pytest.raises(UsageError, match=words):
        with_calibration(source, path)


def test_a_label_that_is_another_output_now_is_refused(source: ModelSource, tmp_path: Path) -> None:
    path = written(tmp_path, artefact(source.network_id, obscene=ISOTONIC))
    with pytest.raises(UsageError, match=r"obscene was output 0 of the network, and model .* has it as output 3"):
        with_calibration(source, path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content.update(format="other/1"), "format"),
        (lambda content: content["labels"]["insult"]["calibration"].update(y=[0.5, 0.4, 0.9]), "knots in y fall"),
        (lambda content: content["labels"]["insult"].update(threshold=2), "labels.insult.threshold"),
        (lambda content: content["data"].update(sha256="abc"), "data.sha256"),
        (lambda content: content.update(labels={}), "labels: "),
        (lambda content: content.update(extra=1), "extra"),
    ],
)
def test_a_file_that_calibrate_did_not_write_is_refused(tmp_path: Path, change, words: str) -> None:
    content = json.loads(artefact("n", insult=ISOTONIC).text())
    change(content)
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match=rf"c\.json is none that 'moderation calibrate' wrote.*{words}"):
        read_artefact(tmp_path / "c.json")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe"])
def test_what_is_no_json_object_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"c\.json") as caught:
        read_artefact(tmp_path / "c.json")
    assert "\n" not in str(caught.value)


def test_a_missing_artefact_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.json: no such file"):
        read_artefact(tmp_path / "nowhere.json")
