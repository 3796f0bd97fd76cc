"""Makes up comments out of phrase lists: ordinary talk, text to flag and hostile input. None is a real person's.

The phrases live in this folder's YAML files. A slot `{city}` keeps its value through one comment, `{+city}` draws anew.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from itertools import cycle
from random import Random
from typing import Any

SLOT = re.compile(r"(\b[Aa] )?\{(\+?)(\w+)\}")
TYPED_BY_HAND = {"polite", "insult", "obscene", "obscene_insult", "threat", "identity_attack", "counter_speech"}


@cache
def load(name: str) -> dict[str, Any]:
    """One of this folder's YAML files."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader is ten times as fast, where it is built in
    text = files("moderation.sample").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.load(text, Loader=loader))


@cache
def phrases() -> dict[str, list[str]]:
    """Every phrase list by its name; a topic's own lists are called `topic.name`."""
    lists: dict[str, list[str]] = load("names") | load("flagged") | load("odd")
    for topic, own in (load("topics") | load("languages")).items():
        lists |= {f"{topic}.{name}": items for name, items in own.items()}
    return lists


class Writer:
    """Writes comments. Every phrase list is dealt like a shuffled deck, so that texts seldom repeat."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.topic = ""
        self.kept: dict[str, str] = {}
        self.decks: dict[str, list[str]] = {}
        self.previous = "This."
        self.makers = {"chat": self._chat, "passage": self._passage, "section": self._section, "endless": self._endless}

    def write(self, kind: str, topic: str) -> str:
        """One comment of this kind; a kind without phrases of its own is polite talk."""
        self.topic, self.kept = topic, {}
        if kind.startswith("long"):
            return self._essay(kind.replace("long", "deep"))
        if kind == "duplicate" and self.random.random() < 0.4:
            return self.previous  # a double post
        chat = "framed" if self.random.random() < 0.3 else "chat"
        text = self.deal(kind if kind in phrases() else chat)
        text = self._roughen(text) if kind in TYPED_BY_HAND else text
        if kind == "polite":
            self.previous = text
        return text.upper() if kind == "caps" else text

    def deal(self, name: str) -> str:
        """The next phrase of a list, slots filled; the topic's list where it has one."""
        if name in self.makers:
            return self.makers[name]()
        key = f"{self.topic}.{name}"
        key = key if key in phrases() else name
        deck = self.decks.setdefault(key, [])
        if not deck:
            deck.extend(phrases()[key])
            self.random.shuffle(deck)
        phrase = deck.pop()
        text = SLOT.sub(self._fill, phrase)
        starts_with_name = phrase.startswith("{") and name.endswith("line")
        return text[:1].upper() + text[1:] if starts_with_name else text

    def _fill(self, slot: re.Match[str]) -> str:
        article, fresh, name = slot.groups(default="")
        value = self.deal(name) if fresh else self.kept.get(name) or self.kept.setdefault(name, self.deal(name))
        return (article[:1] + "n " if article and value[:1].lower() in "aeio" else article) + value

    def _chat(self) -> str:
        if self.random.random() < 0.3:
            return self.deal(self.random.choice(["short", "short", "reply"]))
        return self._passage()

    def _passage(self, letters: float = 0) -> str:
        letters = letters or min(self.random.lognormvariate(3.9, 1.6), 900)
        text = self.deal("line")
        while len(text) < letters:
            gap = "\n\n" if len(text) > 300 and self.random.random() < 0.25 else " "
            text += gap + self.deal("line")
        return text

    def _section(self) -> str:
        return self._passage(self.random.uniform(300, 900))

    def _endless(self) -> str:
        return self.random.choice(["a", "ha", "lo", "z", "🙂"]) * self.random.randint(400, 1500)

    def _essay(self, deep: str) -> str:
        """600 to 1,500 words, more than a model's window; `deep` names the phrase to hide far into the text."""
        others = sorted(load("topics"))
        self.random.shuffle(others)
        topics = cycle([self.topic] * 3 + others)
        parts, letters = [self.deal("essay_start")], self.random.randint(3700, 7300)
        while sum(map(len, parts)) < letters:
            self.topic, self.kept = next(topics), {}
            parts.append(self.deal("essay"))
        if deep in phrases():
            parts.insert(len(parts) * 3 // 4, self.deal(deep))
        return "\n\n".join([*parts, self.deal("essay_end")])

    def _roughen(self, text: str) -> str:
        """As people type: often without capitals, apostrophes or the last full stop, now and then with a slip."""
        mood = self.random.random()
        if mood < 0.25:
            text = text.lower()
        if mood < 0.1:
            text = text.replace("'", "")
        if mood < 0.45:
            text = text.removesuffix(".")
        words = re.findall(r"(?<![/\w.])[a-z]{5,}(?![/\w@])", text) if mood > 0.88 else []
        if words:
            word = self.random.choice(words)
            text = text.replace(word, word[:2] + word[3] + word[2] + word[4:], 1)
        return text


def plan(rows: int, random: Random) -> list[str]:
    """The kind of each row, shuffled: every kind at least once, each way of being broken at least three times."""
    counts = {
        kind: max(3 if kind.startswith("broken") else 1, round(share * rows)) for kind, share in load("mix").items()
    }
    counts["polite"] = rows - sum(counts.values())
    if counts["polite"] < 1:
        raise ValueError(f"a sample of {rows} rows is too small to hold every kind of comment")
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    random.shuffle(kinds)
    return kinds
