"""`moderation audit`: how right a published run was, and the proof. Each part is mounted from a file of its own."""

import typer

from moderation import cli_audit_export, cli_audit_replay, cli_audit_report, cli_audit_sample, cli_audit_verdicts

app = typer.Typer(
    name="audit",
    no_args_is_help=True,
    help="Samples, estimates and checks published runs.",
)


@app.callback()
def options() -> None:
    """Samples, estimates and checks published runs."""


app.add_typer(cli_audit_export.app)
app.add_typer(cli_audit_replay.app)
app.add_typer(cli_audit_report.app)
app.add_typer(cli_audit_verdicts.app)
app.add_typer(cli_audit_sample.app)
