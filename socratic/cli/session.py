"""One run from its first line to its last: set up, loop, checkpoint, leave; whatever happens, what was done is kept."""

import gc
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Literal

from socratic import __version__
from socratic.cli.output import typed
from socratic.cli.trust import keep_policy_hash
from socratic.cluster import LocalExecutor, RayExecutor
from socratic.config import Config
from socratic.errors import Interrupted, RunError, SocraticError
from socratic.protocols import Executor, Tracker
from socratic.records import Generation
from socratic.store.checkpoint import checkpoint_paths, load_checkpoint, write_checkpoint
from socratic.store.run_directory import RunDirectory
from socratic.tracker.console import Console
from socratic.tracker.fanout import Fanout
from socratic.tracker.jsonl import RecordTracker

if TYPE_CHECKING:
    from socratic.build import Live

logger = logging.getLogger(__name__)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Session:
    """Runs one run in this process; the run directory is locked and stays so until `close`."""

    def __init__(self, run: RunDirectory, config: Config, *, is_resumed: bool, is_live: bool | None = None) -> None:
        """Take over a run that this process has locked."""
        self._run = run
        self._config = config
        self._is_resumed = is_resumed
        self._done = run.generations_done() if is_resumed else 0
        self.console = Console(config.generations, done=self._done, is_live=is_live)
        self._stop = _StopSignal(self.console.say)
        self._has_shown_play = is_resumed

    def run(self) -> None:
        """Run to the end, or until somebody asks to leave.

        Raises:
            Interrupted: it was asked to leave; it is checkpointed.
            SocraticError: what went wrong; the last checkpoint is whole.
        """
        self.console.say(self._first_line())
        state: Literal["finished", "stopped", "failed"] = "failed"
        executor = self._executor()
        try:
            with self._stop.listening():
                try:
                    is_whole = self._play(executor)
                finally:
                    with self.console.waiting_for("its workers to leave"):
                        executor.close()
            state = "finished" if is_whole else "stopped"
        except KeyboardInterrupt:
            state = "stopped"
            raise Interrupted(f"left at once; {self._how_to_go_on()}") from None
        except SocraticError as error:
            # What a resumed run cannot even be set up from is damaged, and says itself what to do.
            if self._stop.is_set_up or not self._is_resumed:
                error.add_note(self._how_to_go_on())
            raise
        finally:
            self._leave(state)
        if not is_whole:
            raise Interrupted(f"stopped after generation {self._done}, checkpointed; {self._how_to_go_on()}")

    def _play(self, executor: Executor) -> bool:
        """Return whether every generation was played."""
        if self._config.is_served:
            from socratic.policy.server.client import VllmClient

            VllmClient(self._config.play.server).greet(self._config.play.server.model)  # before seconds go into what is heavy
        if isinstance(executor, RayExecutor):
            executor.start()  # Ray takes seconds: it starts while torch is loaded here
        # An import that a signal breaks off may fail in any way, so a Ctrl-C waits for its end.
        with self.console.waiting_for("torch and transformers to load"):
            from socratic import build, loop  # noqa: F401  (build is what loads them; the set-up uses it)

        with self._stop.leaving_at_once():
            live = self._set_up(executor)
        config, run, first, tracker = self._config, self._run, self._done, live.outside.tracker
        self.console.say(f"the system is closed at t0; {_workers(config)}")
        gc.freeze()  # the set-up stays until the end: the collector need not walk through it in every generation

        def after(generation: Generation) -> bool:
            self._stop.listen_again()
            self._keep_play(generation)
            self._done = generation.index + 1
            is_stopping = self._stop.is_asked or run.is_stop_requested()
            if is_stopping or self._done % config.checkpoint.every == 0 or self._done == config.generations:
                # What was probed belongs before the checkpoint's cut.
                loop.report(live.outside)
                self._checkpoint(live, self._done)
            return not is_stopping

        self.console.begin()
        try:
            loop.run(first, config.generations, live.system, live.outside, live.agent, after)
        finally:
            tracker.close()
            self.console.close()
        return self._done == config.generations

    def _set_up(self, executor: Executor) -> "Live":
        """Build the live parts, as they were at the newest checkpoint or, closed for the first time, at t0."""
        from socratic import build

        config, run = self._config, self._run
        what = "the checkpoint" if self._is_resumed else "the warm-up" if config.policy.source == "scratch" else "the model to load"
        with self.console.waiting_for(what):
            if self._is_resumed:
                recipe = build.load_recipe(config, run.folder)
            else:
                recipe = build.draft(config)
                build.save_recipe(recipe, run.folder)
                keep_policy_hash(run)
            tracker = self._tracker()
            live = build.close_system(config, recipe, executor, tracker, is_resumed=self._is_resumed, folder=run.folder)
            if not self._is_resumed:
                self._checkpoint(live, 0)
                return live
            checkpoint = load_checkpoint(run.checkpoints, live.parts)
            self._done = checkpoint.index
            run.cut(checkpoint.offsets, checkpoint.index)
            live.agent.resend()
            for warning in checkpoint.warnings:
                tracker.record_event(checkpoint.index, "checkpoint-damaged", warning)
            tracker.record_event(checkpoint.index, "resumed", f"from the checkpoint after generation {checkpoint.index}")
            return live

    def _checkpoint(self, live: "Live", index: int) -> None:
        write_checkpoint(self._run.checkpoints, index, live.parts, self._run.offsets(), self._config.checkpoint.keep)

    def _keep_play(self, generation: Generation) -> None:
        if not self._has_shown_play:
            self._has_shown_play = True
            seen = set()
            for episode in generation.episodes:
                if episode.match.game not in seen:
                    seen.add(episode.match.game)
                    self.console.show_episode(episode)
        record = self._config.record
        if record.share and generation.index % record.every == 0:
            self._run.record_episodes(generation.index, generation.episodes, generation.feedback, record.share)

    def _tracker(self) -> Tracker:
        mirrors: list[Tracker] = [self.console]
        if self._config.tracker.wandb != "off":
            from socratic.tracker.wandb import WandbMirror, choose_mode

            mode = choose_mode(self._config.tracker.wandb)
            if mode != "off":
                mirrors.append(WandbMirror(self._run, project=self._config.tracker.project, mode=mode))
        return Fanout(RecordTracker(self._run), mirrors)

    def _executor(self) -> Executor:
        if self._config.play.executor == "local":
            return LocalExecutor()
        return RayExecutor(self._config.ray.address, self._config.ray.object_store_mb, on_event=self._on_cluster_event)

    def _on_cluster_event(self, kind: str, message: str) -> None:
        RecordTracker(self._run).record_event(self._done, kind, message)
        self.console.record_event(self._done, kind, message)

    def _first_line(self) -> str:
        games = ", ".join(self._config.games)
        what = "resuming" if self._is_resumed else "run"
        return (
            f"{__version__}, {what} {self._run.name}: {self._config.policy.source} policy, seed {self._config.seed}, "
            f"{self._config.generations} generations of {games}"
        )

    def _how_to_go_on(self) -> str:
        resume = typed(f"resume {self._run.name}", self._run.folder.parent)
        return f"`{resume}` goes on" if checkpoint_paths(self._run.checkpoints) else f"`{resume}` begins it anew"

    def _leave(self, state: Literal["finished", "stopped", "failed"]) -> None:
        try:
            self._run.set_state(state)
            self._run.clear_stop()
        except RunError as error:
            # The list shows such a run as killed, and it is resumed like one.
            logger.info("the run's state could not be written: %s", error)
        self._run.close()


class _StopSignal:
    """Ctrl-C: the first asks the run to leave after this generation, the second leaves at once; in the set-up the first does."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.is_asked = False
        self.is_set_up = False
        self._is_at_once = False
        self._say = say

    @contextmanager
    def listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._note) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, former in before.items():
                signal.signal(number, former)

    def listen_again(self) -> None:
        """Take back the signals that Ray took when it started: it would print its own stack and pass none on."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._note)

    @contextmanager
    def leaving_at_once(self) -> Iterator[None]:
        """Inside, nothing has been played that should be finished first."""
        if self.is_asked:
            raise KeyboardInterrupt
        self._is_at_once = True
        try:
            yield
        finally:
            self._is_at_once = False
        if self.is_asked:  # what was raised inside a callback may have been dropped there
            raise KeyboardInterrupt
        self.is_set_up = True

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        was_asked, self.is_asked = self.is_asked, True
        if was_asked or self._is_at_once:
            raise KeyboardInterrupt
        if self.is_set_up:
            self._say("finishing this generation, then checkpoint and leave; again to leave at once")
        else:
            self._say("leaving as soon as torch is loaded; again to leave at once")


def _workers(config: Config) -> str:
    if config.play.executor == "local":
        return "playing in this process"
    actors = "one actor" if config.play.actors == 1 else f"{config.play.actors} actors"
    return f"waiting for Ray and {actors}"
