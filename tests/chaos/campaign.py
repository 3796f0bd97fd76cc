"""A campaign: one run after the other is killed, and resumed by the same command, until it is done."""

import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import state
from tests.chaos.victim import PHASES, Victim, start

CORES = 2
WAYS = ("machine", "machine", "machine", "driver", "jvm")


@dataclass
class Scene:
    """What every run of a campaign has in common: the dump, the settings, and what comes of them undisturbed."""

    folder: Path
    dump: Path
    rows: int
    config: Path
    earlier: Path  # an output with what another policy published
    before: state.State
    after: state.State
    shards: int
    seconds: dict[str, float]  # a phase's usual length

    def output(self, name: str, with_earlier: bool) -> Path:
        """A new output folder: empty, or with what another policy published, its scores taken away."""
        folder = self.folder / name
        if with_earlier:
            shutil.copytree(self.earlier, folder, ignore=shutil.ignore_patterns("scores"))
        return folder


@dataclass
class Campaign:
    """Kills so far, in which phases they landed, and shards written in all attempts."""

    scene: Scene
    random: random.Random
    hits: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    lost: int = 0  # shards that were being written when their run died
    attempts: int = 0

    def live(self, number: int, most_kills: int) -> int:
        """One run from its first attempt to its end; returns how often it was killed."""
        output = self.scene.output(f"life{number}", with_earlier=number % 2 == 0)
        states = [{} if number % 2 else self.scene.before, self.scene.after]
        store: dict[str, tuple[int, int]] = {}
        kills = written = 0
        aims, dead, killed = self.aims(most_kills), None, True
        while killed:
            victim = self.attempt(output)
            killed = kills < len(aims) and self.kill(victim, aims[kills])
            if not killed:
                assert victim.end() == 0, victim.log.read_text(errors="replace")[-3000:]
            if dead:
                dead.kill_machine()  # what outlived its driver had the next attempt's time to do harm
            found = state.stored_shards(output)
            assert found.keys() >= store.keys(), "scores that were kept are gone"
            assert (victim.shards_found() or len(store)) >= len(store), "shards were scored that had been kept"
            written += sum(store.get(path) != stamp for path, stamp in found.items())
            if killed:
                kills += 1
                self.lost += len(state.in_the_making(output))
                assert len(state.in_the_making(output)) <= 2 * CORES  # those of an orphan among them
                assert state.is_whole(state.visible(output), states), f"readers see half a run after {victim.log}"
            store, dead = found, victim
        assert written <= self.scene.shards + CORES * kills
        print(f"life {number}: {kills} kills, {written} shards written of {self.scene.shards}", flush=True)
        return kills

    def attempt(self, output: Path) -> Victim:
        """The same command once more."""
        self.attempts += 1
        log = self.scene.folder / f"attempt{self.attempts:03d}.log"
        return start(output, self.scene.config, self.scene.dump, log)

    def aims(self, most: int) -> list[str]:
        """The phases in which to kill a run, in their order: those first that were hit least, and scoring twice."""
        fewest = sorted(PHASES, key=lambda phase: (self.hits[phase], self.random.random()))[:5]
        return sorted(self.random.sample([*fewest, "scoring"], min(most, 6)), key=PHASES.index)

    def kill(self, victim: Victim, aim: str) -> bool:
        """Kills a run at a random moment of a phase, or later where it was faster; False where it had ended."""
        delay = self.random.uniform(0, self.scene.seconds[aim])
        way = self.random.choice(WAYS)
        if victim.reaches(aim):
            moment = time.monotonic() + delay
            victim.wait_for(lambda: time.monotonic() >= moment)
        if victim.process.poll() is not None:
            return False
        if way == "jvm" and not victim.members("java"):
            way = "machine"
        {"machine": victim.kill_machine, "driver": victim.kill_driver, "jvm": victim.kill_jvm}[way]()
        landed = victim.phase()
        self.hits[landed] += 1
        self.ways[way] += 1
        kept = len(state.stored_shards(victim.output))
        said = f"kill {self.hits.total()}: {way} in {landed} (aimed at {aim} + {delay:.2f} s), {kept} shards kept"
        print(said, flush=True)
        return True
