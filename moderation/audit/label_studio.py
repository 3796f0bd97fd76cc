"""Label Studio: a sample as tasks with predictions and entity spans, its labelling configuration, annotations back.

Spans count Unicode code points, as ours do: so does Label Studio's editor since the end of 2021
(`charsToCodePoints` in web/libs/editor/src/utils/selection-tools.js of HumanSignal/label-studio). A line break is one
code point for it too, and CR LF are two. Formats: https://labelstud.io/guide/task_format and /guide/predictions.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from moderation.audit.design import Design, SampleFolder
from moderation.audit.verdict import Verdict, short
from moderation.audit.verdict_files import check_origin, write_whole
from moderation.audit.verdicts import verdicts
from moderation.errors import UsageError

ASKED = ("yes", "no", "unsure")
TEXT, SPANS, NOTE, WITHDRAWN = "text", "entity", "note", "withdrawn"


def control_names(labels: Iterable[str]) -> dict[str, str]:
    """The name of the control that asks for each label, in letters that a labelling configuration can hold."""
    return {label: f"verdict{at}_{re.sub(r'[^A-Za-z0-9_]', '_', label)[:40]}" for at, label in enumerate(labels)}


def labelling_config(labels: list[str], entity_types: list[str]) -> str:
    """The XML that a Label Studio project of these tasks takes: the text, entity spans, a question for each label."""
    types = "".join(f"    <Label value={quoteattr(name)}/>\n" for name in entity_types)
    words = "".join(f'    <Choice value="{word}"/>\n' for word in ASKED)
    questions = "".join(
        f"  <Header value={quoteattr(f'Is this {label}?')}/>\n"
        f'  <Choices name={quoteattr(name)} toName="{TEXT}" choice="single" showInline="true">\n{words}  </Choices>\n'
        for label, name in control_names(labels).items()
    )
    spans = f'  <Labels name="{SPANS}" toName="{TEXT}">\n{types}  </Labels>\n' if types else ""
    return (
        "<View>\n"
        "  <Style>.htx-text{ white-space: pre-wrap; }</Style>\n"  # else runs of spaces are one, and offsets shift
        f'{spans}  <Text name="{TEXT}" value="$text"/>\n{questions}'
        f'  <TextArea name="{NOTE}" toName="{TEXT}" maxSubmissions="1" placeholder="A note"/>\n</View>\n'
    )


def write_tasks(
    folder: SampleFolder, target: Path, rows: list[dict[str, Any]], blind: bool = False, with_verdicts: bool = False
) -> tuple[Path, int]:
    """Writes rows of the sample as tasks to a .json file and the labelling configuration beside it (.xml).

    `blind` leaves the predicted labels out, `with_verdicts` puts what reviewers said in as annotations. Returns where
    the configuration is and how many tasks there are.
    """
    design = folder.read_design()
    said = annotations(verdicts(folder), design) if with_verdicts else {}
    tasks = [task(row, design, blind) | said.get((str(row["id"]), str(row["date"])), {}) for row in rows]
    types = sorted({span["type"] for row in rows for span in row.get("entities") or ()})
    config = target.with_suffix(".xml")
    write_whole(target, (json.dumps(tasks, ensure_ascii=False, indent=1) + "\n").encode())
    write_whole(config, labelling_config(list(design.thresholds), types).encode())
    return config, len(tasks)


def task(row: dict[str, Any], design: Design, blind: bool) -> dict[str, Any]:
    """A sampled row as a task with one prediction."""
    key = {"row_id": str(row["id"]), "date": str(row["date"]), "sample_id": design.sample_id, "run_id": design.run_id}
    result = [] if blind else predicted_labels(row, design)
    result += [span(one, row["body"], at) for at, one in enumerate(row.get("entities") or ())]
    scores = [score for score in (row.get("scores") or {}).values() if score is not None]
    score = {"score": max(scores)} if scores and not blind else {}
    prediction = {"model_version": str(row.get("model_id") or design.run_id), **score, "result": result}
    return {"data": {"text": row["body"] or "", **key}, "predictions": [prediction]}


def predicted_labels(row: dict[str, Any], design: Design) -> list[dict[str, Any]]:
    """What the run said of each of its labels."""
    given = set(row.get("labels") or ())
    return [choice(name, "yes" if label in given else "no") for label, name in control_names(design.thresholds).items()]


def choice(name: str, word: str) -> dict[str, Any]:
    """An answer to one question."""
    region = {"from_name": name, "to_name": TEXT, "type": "choices"}
    return {"id": name, **region, "value": {"choices": [word]}}


def span(entity: dict[str, Any], body: str, at: int) -> dict[str, Any]:
    """An entity as a region of the text; offsets are those of the row."""
    start, end = entity["start"], entity["end"]
    value = {"start": start, "end": end, "text": body[start:end], "labels": [entity["type"]]}
    return {"id": f"entity{at}", "from_name": SPANS, "to_name": TEXT, "type": "labels", "value": value}


def annotations(entries: list[Verdict], design: Design) -> dict[tuple[str, str], dict[str, Any]]:
    """Verdicts as annotations, by the row's id and date: one for what a reviewer said at one time with one note."""
    names, found = control_names(design.thresholds), dict[tuple[str, str], dict[str, Any]]()

    def together(entry: Verdict) -> tuple[str, str, str, str, str, bool]:
        return entry.row_id, entry.date, entry.time, entry.reviewer, entry.note, entry.verdict == WITHDRAWN

    for (row_id, date, time, reviewer, note, gone), group in groupby(sorted(entries, key=together), key=together):
        result = [choice(names[entry.label], entry.verdict) for entry in group]
        if note:
            area = {"from_name": NOTE, "to_name": TEXT, "type": "textarea"}
            result.append({"id": NOTE, **area, "value": {"text": [note]}})
        times = {"created_at": time, "updated_at": time}
        made = {"completed_by": {"email": reviewer}, "was_cancelled": gone, **times, "result": result}
        found.setdefault((row_id, date), {"annotations": []})["annotations"].append(made)
    return found


def read_annotations(folder: SampleFolder, source: Path, reviewer: str | None) -> Iterator[Verdict]:
    """The verdicts in a JSON export of Label Studio (the format named JSON, not JSON-MIN).

    Skipped tasks hold none. An annotation is of the person who completed it (their email, or `label-studio ID` where
    there is only a number), or of `reviewer` where one is given. Raises `UsageError` that names the task.
    """
    design = folder.read_design()
    labels = {name: label for label, name in control_names(design.thresholds).items()}
    for number, found in enumerate(read_tasks(source), 1):
        where = f"{source}, task {number}"
        data = found.get("data") if isinstance(found, dict) else None
        if not isinstance(data, dict) or "row_id" not in data:
            raise UsageError(
                f"{where}: has no data.row_id; export the tasks that 'audit verdicts export' wrote, as JSON"
            )
        check_origin(data, design, where)
        given = found.get("annotations") or []
        if not isinstance(given, list):
            raise UsageError(f"{where}: annotations is no list")
        for annotation in given:
            yield from said_in(annotation, data, labels, reviewer, where)


def read_tasks(source: Path) -> list[Any]:
    """The tasks of a file."""
    try:
        tasks = json.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{source}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source}: is no JSON ({error})") from error
    if not isinstance(tasks, list):
        raise UsageError(f"{source}: is no list of tasks; choose 'JSON' where Label Studio exports")
    return tasks


def said_in(
    annotation: Any, data: dict[str, Any], labels: dict[str, str], reviewer: str | None, where: str
) -> Iterator[Verdict]:
    """The verdicts of one annotation."""
    if not isinstance(annotation, dict) or not isinstance(annotation.get("result", []), list):
        raise UsageError(f"{where}: an annotation is not as Label Studio writes it")
    regions = [one for one in annotation.get("result") or () if isinstance(one, dict)]
    note = "\n".join(text for one in regions if one.get("from_name") == NOTE for text in values(one, "text", where))
    key = {"row_id": str(data["row_id"]), "date": str(data.get("date") or ""), "note": note}
    key |= {"time": str(annotation.get("updated_at") or annotation.get("created_at") or "")}
    for region in regions:
        if region.get("type") != "choices":
            continue
        name, words = region.get("from_name"), values(region, "choices", where)
        if name not in labels:
            raise UsageError(
                f"{where}: '{short(str(name))}' asks for no label of this sample; use its own configuration"
            )
        if len(words) != 1 or words[0] not in (*ASKED, WITHDRAWN):
            raise UsageError(f"{where}: {labels[name]}: '{short(' '.join(words))}' is not one of {', '.join(ASKED)}")
        if (words[0] == WITHDRAWN) == bool(annotation.get("was_cancelled")):  # else somebody skipped the task
            yield Verdict(label=labels[name], reviewer=reviewer or who(annotation), verdict=words[0], **key)


def values(region: dict[str, Any], name: str, where: str) -> list[str]:
    """The texts of a region's value."""
    value = region.get("value")
    found = value.get(name) if isinstance(value, dict) else None
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise UsageError(f"{where}: '{short(str(region.get('from_name')))}' has no {name}")
    return found


def who(annotation: dict[str, Any]) -> str:
    """The name of the person who completed an annotation."""
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        return str(by.get("email") or f"label-studio {by.get('id')}")
    return f"label-studio {by}" if by is not None else ""
