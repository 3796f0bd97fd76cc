"""The section `privacy` of the configuration. The key for hashing is no setting: it must not be printed or recorded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import from_json
from pydantic_settings import NoDecode

KEY_VARIABLE = "MODERATION_PRIVACY_KEY"
Option = Literal["drop_author", "hash_author", "mask_pii"]
Kind = Literal["email", "card", "ip", "phone"]


def as_words(value: object) -> object:
    """`a,b` as a list; a list in the environment may be JSON."""
    if isinstance(value, str):
        words = from_json(value) if value.startswith("[") else [word.strip() for word in value.split(",")]
        return [word for word in words if word] if isinstance(words, list) else words
    return value


def as_section(value: object) -> object:
    """The short form, options alone, as the section that it stands for."""
    if isinstance(value, str) and value.startswith("{"):
        value = from_json(value)
    return value if isinstance(value, Mapping | BaseModel) else {"apply": as_words([] if value is None else value)}


Words = BeforeValidator(as_words)


class PrivacySettings(BaseModel):
    """What a run or an ingest does to personal data before it writes anything."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    apply: Annotated[
        list[Option],
        Words,
        NoDecode,
        Field(description="any of mask_pii and one of drop_author, hash_author; the short form is this list alone"),
    ] = []
    kinds: Annotated[
        list[Kind], Words, NoDecode, Field(min_length=1, description="what mask_pii masks: email, card, ip, phone")
    ] = ["email", "card", "ip", "phone"]
    regions: Annotated[
        list[str],
        Words,
        NoDecode,
        Field(description="countries (ISO 3166) whose phone numbers are known without +; with + all are"),
    ] = ["US"]
    author: Annotated[
        list[str],
        Words,
        NoDecode,
        Field(min_length=1, description="the input's columns that name a person, for drop_author and hash_author"),
    ] = ["author", "author_fullname"]
    keep: Annotated[
        list[str],
        Words,
        NoDecode,
        Field(description="the input's columns of text that mask_pii leaves as they are, beside the id"),
    ] = ["parent_id", "link_id", "subreddit_id", "author_fullname"]
    key_file: Annotated[
        Path | None, Field(description="file of the key for hash_author, where MODERATION_PRIVACY_KEY is not set")
    ] = None

    @model_validator(mode="after")
    def is_possible(self) -> "PrivacySettings":
        """Refuses to hash what is dropped."""
        if {"drop_author", "hash_author"} <= set(self.apply):
            raise ValueError("drop_author and hash_author exclude one another: an author is dropped or hashed")
        return self

    @property
    def masks(self) -> bool:
        """Whether personal data in texts is masked."""
        return "mask_pii" in self.apply
