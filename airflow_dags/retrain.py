"""Fine-tunes a model on reviewed labels and promotes it where it is better than the one in use."""

import json
import logging
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param, task
from airflow.sdk.exceptions import AirflowFailException
from moderation_dags.checks import check_model, check_params
from moderation_dags.compare import abilities, compare, point
from moderation_dags.day import common_arguments
from moderation_dags.jobs import run_command
from moderation_dags.settings import VARIABLE, read_settings

DOC = """
Fine-tunes on reviewed labels (docs/training.md says how they look), measures the new model and the one in use on the
held-out split, and moves the link `current` to the new one where that is better by more than the interval. Either way
a report, `report.json`, stays beside the new model.
"""
PARAMS = {
    "data": Param(None, type=["null", "string"], description="Parquet of reviewed labels; the setting 'reviewed'"),
    "labels": Param(None, type=["null", "string"], description="columns to learn, a,b; the current model's where none"),
    "tokens": Param(None, type=["null", "string"], description="Parquet of sentences, to keep or gain entities"),
    "base": Param(None, type=["null", "string"], description="what to fine-tune; the current model's encoder"),
    "split": Param("test", type="string", description="the held-out rows' value in the column split"),
    "epochs": Param(1, type="integer", minimum=1, description="times that all rows are learnt from"),
}
settings = read_settings()
log = logging.getLogger(__name__)

with DAG(
    "retrain",
    description="fine-tune, compare, promote if better",
    doc_md=DOC,
    schedule=None,
    max_active_runs=1,
    params=PARAMS,
    default_args=common_arguments(settings),
    tags=["moderation"],
) as dag:

    @task(doc_md="Checks params, data and models, and says what will be done.")
    def check(**context: Any) -> dict[str, Any]:
        params = context["params"]
        check_params(context["dag_run"].conf or {}, PARAMS)
        data = params["data"] or settings.reviewed
        if data is None or not Path(data).is_file():
            raise AirflowFailException(f"no reviewed labels at {data}: set the param 'data' or the setting 'reviewed'")
        if settings.models is None:
            raise AirflowFailException(f"no folder for models: set 'models' in the Variable '{VARIABLE}'")
        builtin = settings.project / "moderation" / "models" / "builtin"
        current = Path(check_model(str(builtin) if settings.model == "builtin" else settings.model))
        if not current.is_dir():
            raise AirflowFailException(f"the setting 'model' is {settings.model}: retrain needs 'builtin' or a folder")
        name = "".join(c if c.isalnum() else "-" for c in context["dag_run"].run_id)
        labels = params["labels"] or ",".join(json.loads((current / "config.json").read_text())["moderation"]["labels"])
        return {
            "data": str(data),
            "current": str(current),
            "labels": labels,
            "candidate": str(settings.models / name),
        }

    @task(pool=settings.pool, doc_md="Fine-tunes; killed and tried again, it goes on from its checkpoint.")
    def finetune(plan: dict[str, Any], *, params: Any = None) -> None:
        tokens = ["--tokens", params["tokens"]] if params["tokens"] else []
        arguments = ["--data", plan["data"], "--labels", plan["labels"], "--base", params["base"] or plan["current"]]
        again = ["--epochs", params["epochs"], "--output", plan["candidate"], "--overwrite"]
        Path(plan["candidate"]).parent.mkdir(parents=True, exist_ok=True)
        run_command(settings, "finetune", *arguments, *tokens, *again)

    @task(pool=settings.pool, doc_md="Measures one of the two models on the held-out split.")
    def evaluate(plan: dict[str, Any], which: str, *, params: Any = None) -> dict[str, Any]:
        chosen = ["--data", plan["data"], "--split", params["split"], "--model", plan[which], "--json"]
        report: dict[str, Any] = json.loads(run_command(settings, "evaluate", *chosen)[-1])
        for label in report["labels"].values():
            label.pop("bins", None)  # the diagram's, of no use here
        return report

    @task.branch(doc_md="Compares, writes the report, and chooses between promote and keep.")
    def decide(plan: dict[str, Any], before: Any, after: Any) -> str:
        verdict = compare(before, after)
        candidate = Path(plan["candidate"])
        if lost := abilities(Path(plan["current"])) - abilities(candidate):
            verdict |= {"promote": False, "reason": f"it cannot judge {', '.join(sorted(lost))} any more"}
        (candidate / "report.json").write_text(json.dumps(plan | verdict, indent=2) + "\n", encoding="utf-8")
        log.info("%s; report: %s", verdict["reason"], candidate / "report.json")
        return "promote" if verdict["promote"] else "keep"

    @task(doc_md="Moves the link `current` to the new model, in one step.")
    def promote(plan: dict[str, Any]) -> None:
        point(settings.models / "current", Path(plan["candidate"]))
        log.info("%s is current; the setting 'model' should be %s", plan["candidate"], settings.models / "current")

    @task(doc_md="Leaves the model in use as it is; the report says why.")
    def keep(plan: dict[str, Any]) -> None:
        log.info("%s stays; the report is %s/report.json", plan["current"], plan["candidate"])

    plan = check()
    trained = finetune(plan)
    measured = {
        which: evaluate.override(task_id=f"evaluate_{which}")(plan, which) for which in ("current", "candidate")
    }
    trained >> measured["candidate"]
    choice = decide(plan, measured["current"], measured["candidate"])
    choice >> [promote(plan), keep(plan)]
