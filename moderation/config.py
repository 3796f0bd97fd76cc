"""One typed configuration for every command: defaults, then the YAML file, the environment, the command line."""

import datetime
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)
from pydantic_core import from_json
from pydantic_settings import BaseSettings, InitSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from moderation.errors import UsageError
from moderation.inference.devices import Device
from moderation.models.entry import ModelEntry
from moderation.models.spec import Probability
from moderation.privacy.settings import KEY_VARIABLE, PrivacySettings, as_section
from moderation.settings import explain, first_mistake, load_mapping

PREFIX = "MODERATION_"
SECTIONS = ("columns", "publish", "privacy", "spark", "gate")
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # two letters and more: one is a Windows drive


def as_list(value: object) -> object:
    """What stands alone is a list of one; a list in the environment is JSON."""
    if isinstance(value, str) and value.startswith("["):
        value = from_json(value)
    return [value] if isinstance(value, str | Path | Mapping) else value


class Columns(BaseModel):
    """The input's names of the contract's columns; in the output they have the contract's names."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: Annotated[str, Field(description="identifies a comment, unique")] = "id"
    body: Annotated[str, Field(description="the text that is scored")] = "body"
    created_utc: Annotated[str, Field(description="timestamp, epoch seconds or ISO text; need not exist")] = (
        "created_utc"
    )


class SparkSettings(BaseModel):
    """The Spark session; `spark-submit` and a session that exists take precedence."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    master: Annotated[str, Field(description="used unless spark-submit named one")] = "local[*]"
    conf: Annotated[dict[str, str], Field(description="any Spark settings, by their full names")] = {}


class PublishSettings(BaseModel):
    """How a run's rows are published."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Annotated[
        Literal["parquet", "delta"], Field(description="parquet: atomic per date; delta: one commit over all dates")
    ] = "parquet"
    mirror: Annotated[
        str | None,
        Field(description="address where what is published is copied to, as `runs mirror` does; see publishing"),
    ] = None


class GateSettings(BaseModel):
    """The limits that a run's shares must keep, and the earlier runs that they are compared with."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    history: Annotated[PositiveInt, Field(description="how many of the last published runs are compared")] = 10
    min_runs: Annotated[int, Field(ge=2, description="with fewer published runs no shift is refused")] = 3
    false_alarms: Annotated[
        float, Field(gt=0, lt=0.5, description="share of runs like the earlier ones that chance may refuse for a shift")
    ] = 0.001
    tolerance: Annotated[
        float, Field(ge=0, description="a change of the odds that is no shift: 0.5 is up or down by half")
    ] = 0.5
    max_quarantined: Annotated[Probability, Field(description="highest share of rows in quarantine")] = 0.05
    max_skipped: Annotated[Probability, Field(description="highest share of rows without a text to score")] = 0.5
    max_failed: Annotated[Probability, Field(description="highest share of rows that could not be scored")] = 0.01


class Config(BaseSettings):
    """What one run reads, does and writes."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__")
    input: Annotated[list[Path], BeforeValidator(as_list), NoDecode] = Field([], description="Parquet files or folders")
    output: Path = Field(Path("moderated"), description="folder of labelled/, quarantine/ and runs/")
    date: datetime.date | None = Field(
        None, description="only comments of this UTC day; the day of all rows where the input has no timestamps"
    )
    columns: Columns = Columns()
    models: Annotated[list[ModelEntry], BeforeValidator(as_list), NoDecode] = Field(
        [ModelEntry(source="builtin")], description="what scores the texts; each a name or a mapping"
    )
    precision: Literal["auto", "fp32", "bf16", "int8"] = Field(
        "auto", description="auto: bf16 where the hardware has it"
    )
    backend: Literal["auto", "native", "openvino", "torch"] = Field(
        "auto", description="auto: native on CPUs with AMX or AVX512-BF16, openvino on others, torch on GPUs"
    )
    device: str = Field("auto", description="auto, cpu, cuda or cuda:<number>; auto: the GPU Spark assigns, else any")
    threads: PositiveInt | None = Field(None, description="CPU threads of one engine; a Spark task's cores where none")
    policy: str = Field("default", description="'default' or a YAML file of thresholds and rules")
    publish: PublishSettings = PublishSettings()
    privacy: Annotated[PrivacySettings, BeforeValidator(as_section), NoDecode] = PrivacySettings()
    spark: SparkSettings = SparkSettings()
    gate: GateSettings = GateSettings()
    accept_shift: str | None = Field(None, description="why this one run may publish a shift; not in a file")
    price_per_hour: NonNegativeFloat | None = Field(
        None, description="what the machines cost in an hour; the run report then says what a million comments cost"
    )
    tag: str | None = Field(None, description="the caller's name for the run, by which its manifest is found again")

    @field_validator("input", "output")
    @classmethod
    def is_no_url(cls, value: Path | list[Path]) -> Path | list[Path]:
        """Refuses what is no path of a file system: `Path` has made one slash of two, and would make a folder `s3:`."""
        for path in value if isinstance(value, list) else [value]:
            if URL.match(str(path)):
                raise ValueError("must be a path that every machine of the run has mounted, no URL")
        return value

    @field_validator("gate")
    @classmethod
    def has_enough_history(cls, value: GateSettings) -> GateSettings:
        """Refuses a history that never holds the runs that a comparison needs."""
        if value.history < value.min_runs:
            raise ValueError(f"gate.history {value.history} is less than gate.min_runs {value.min_runs}")
        return value

    @field_validator("models")
    @classmethod
    def has_a_model(cls, value: list[ModelEntry]) -> list[ModelEntry]:
        """Refuses a list without a model."""
        if not value:
            raise ValueError("models is empty: name at least one, for example 'builtin'")
        return value

    @field_validator("accept_shift")
    @classmethod
    def says_why(cls, value: str | None) -> str | None:
        """Refuses a reason that says nothing, or a whole essay."""
        reason = value and " ".join(value.split())
        if reason == "" or len(reason or "") > 1000:
            raise ValueError('say why the shift is right in 1 to 1000 characters, as in --accept-shift "election day"')
        return reason

    @field_validator("device")
    @classmethod
    def is_a_device(cls, value: str) -> str:
        """Refuses a device that there cannot be while the settings are read, not on a worker."""
        try:
            return Device(value).place
        except UsageError as error:
            raise ValueError(str(error)) from error

    @property
    def device_settings(self) -> Device:
        """Where models run; raises `UsageError` where the settings name no device."""
        return Device(self.device, self.backend, self.threads)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line over environment over file. The file comes in under the key `_file`, set by `load_config`."""
        assert isinstance(init_settings, InitSettingsSource)
        given = dict(init_settings.init_kwargs)
        file = given.pop("_file", {})
        return (
            InitSettingsSource(settings_cls, init_kwargs=whole(given)),
            InitSettingsSource(settings_cls, init_kwargs=whole(env_settings())),
            InitSettingsSource(settings_cls, init_kwargs=whole(file)),
        )


def whole(content: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with `privacy` as a section, so that sources are merged key by key: none undoes another in silence."""
    return {name: as_section(value) if name == "privacy" else value for name, value in content.items()}


def load_config(file: Path | None = None, base: Mapping[str, Any] | None = None, **overrides: Any) -> Config:
    """Resolves the configuration; `overrides` that are None are not given, and `base` is what the file goes over.

    Raises `UsageError` that names the key, its value and where it came from.
    """
    check_environment()
    found = load_mapping(file) if file else {}
    if found.get("accept_shift") is not None:
        raise UsageError(f"{file}: accept_shift: is for one run, not for a file: give it with --accept-shift")
    content = {**(base or {}), **found}
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        return Config.model_validate({"_file": content} | given)
    except ValidationError as error:
        raise explain(error, origin(error, file, given)) from error


def origin(error: ValidationError, file: Path | None, given: dict[str, Any]) -> str:
    """Where the first mistake comes from: the source that wins for its key."""
    first = first_mistake(error)
    if not first["loc"]:  # a variable that pydantic-settings could not decode
        raise UsageError(f"environment: {first['msg'].removeprefix('Value error, ')}") from error
    key = str(first["loc"][0])
    if key in given:
        return "command line"
    if any(name.upper().startswith(f"{PREFIX}{key}".upper()) for name in os.environ if name != KEY_VARIABLE):
        return "environment"
    return str(file) if file else "configuration"


def check_environment() -> None:
    """Refuses variables that look like settings and are none: a misspelt one must not pass in silence."""
    for name in os.environ:
        if not name.upper().startswith(PREFIX) or name == KEY_VARIABLE:
            continue
        key, *deeper = name[len(PREFIX) :].lower().split("__")
        if deeper and key in Config.model_fields and key not in SECTIONS:
            raise UsageError(f"environment variable {name}: '{key}' has no parts")
        if deeper and key == "privacy" and f"{PREFIX}PRIVACY" in map(str.upper, os.environ):
            raise UsageError(f"environment variable {name}: say {PREFIX}PRIVACY__APPLY beside it, not {PREFIX}PRIVACY")
        if key not in Config.model_fields:
            raise UsageError(
                f"environment variable {name}: unknown setting '{key}'; one of {', '.join(Config.model_fields)}"
            )
