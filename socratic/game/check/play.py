"""Rules about play: it ends, it can be played again, it takes whatever a player says."""

import importlib
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from itertools import zip_longest

from socratic.errors import GameError, ReplayMismatch
from socratic.game.calls import Clerk, RecordedClerk, call_from_json, call_to_json, settle
from socratic.game.check.trial import Broken, Hangs, NotTried, Trial
from socratic.game.contract import Game, Params
from socratic.game.live_match import FINISHED, TURN_LIMIT, LiveMatch
from socratic.game.random_play import COMMON_REPLIES, ODD_REPLIES, played, random_replies
from socratic.game.time_limit import TimeIsUp, time_limit
from socratic.records import SELF
from socratic.seeds import Seed

# A hash seed that this process does not have by chance, and another.
HASH_SEEDS = ("1", "4242")
# Two of them fit into a rule's time.
CHILD_LIMIT_S = 25
# A game that changes its mind has done so by then.
MAX_REPLAYED_TURNS = 300
# Far above what any model reads in one match; a game that tells more has lost count.
MAX_LETTERS = 1_000_000
# Forking at every turn costs the square of the turns.
MAX_FORKED_TURNS = 50
CHILD = "import sys; from socratic.game.check.play import play_elsewhere; sys.stdout.write(play_elsewhere(sys.stdin.read()))"


def play_elsewhere(asked: str) -> str:
    """Return the digests of random plays as JSON; for a child process with another hash seed."""
    asked_for = json.loads(asked)
    if asked_for["reload"] is not None:
        loader, name = asked_for["reload"]
        module, _, attr = loader.partition(":")
        found = getattr(importlib.import_module(module), attr)(name)
    else:
        try:
            found = getattr(importlib.import_module(asked_for["module"]), asked_for["attr"])
        except ModuleNotFoundError:
            found = runpy.run_path(asked_for["file"])[asked_for["attr"]]
    if not isinstance(found, Game):
        raise GameError(f"{asked_for} is {found!r}, expected a game")
    clerk = RecordedClerk([call_from_json(written) for written in asked_for["calls"]])
    return json.dumps([match.digest() for match in _random_matches(found, asked_for["params"], asked_for["seeds"], clerk)])


def ends(trial: Trial) -> str:
    """Random play ends, at every level, each step of it in time, and shows no seat more than it could read."""
    longest = most = 0
    for params in (trial.params, *map(trial.game.complete, trial.game.levels)):
        for seed in trial.seeds[:2]:
            match = played_in_time(trial, params, seed)
            longest = max(longest, len(match.replies))
            if match.ending == TURN_LIMIT:
                raise Broken(f"random play of {dict(params)} with seed {seed} was not over after {match.max_turns} turns")
            shown = [sum(len(line.text) for line in match.view(seat)) for seat in range(len(trial.game.seats))]
            most = max(most, *shown)
            if most > MAX_LETTERS:
                seat_name = trial.game.seats[shown.index(max(shown))]
                raise Broken(
                    f"random play of {dict(params)} with seed {seed} showed seat {seat_name!r} {most} characters, at most {MAX_LETTERS}"
                )
    return f"random play ended at every level; the longest took {longest} turns and showed a seat {most} characters"


def played_in_time(trial: Trial, params: Params, seed: int) -> LiveMatch:
    """Return a match played to its end at random, each step of it within the limit."""
    match: LiveMatch | None = None
    while match is None or not match.done:
        replies = {} if match is None else random_replies(match, seed, 0.0)
        try:
            with time_limit(trial.step_limit_s):
                if match is None:
                    match = LiveMatch(trial.game, params, Seed(seed), retries=len(COMMON_REPLIES), max_turns=trial.max_turns)
                else:
                    match.submit(replies)
                settle([match], trial.clerk)
        except TimeIsUp:
            num_replies = 0 if match is None else len(match.replies)
            raise Hangs(
                f"no question and no end within {trial.step_limit_s:g} s, after {num_replies} replies of {dict(params)} with seed {seed}"
            ) from None
    return match


def random_play_is_legal(trial: Trial) -> str:
    """Random play finishes without a forfeit."""
    for seed in trial.seeds:
        match = trial.played(seed)
        if match.ending != FINISHED:
            raise Broken(f"seed {seed}: {match.ending}; where `legal` is no list, give the game a bot('random') whose replies are legal")
    return f"{len(trial.seeds)} random plays finished"


def scores_fit(trial: Trial) -> str:
    """A finished game's scores are checked as it ends: here under illegal replies and at the turn limit too."""
    num_plays = 0
    for seed in trial.seeds:
        for illegal_share in (0.0, 0.3, 1.0):
            for retries, max_turns in ((0, 1), (0, 200), (2, 200)):
                match = trial.played(seed, illegal_share, retries=retries, max_turns=max_turns)
                if match.scores is None:
                    raise Broken(f"seed {seed}: no scores at the end")
                if not match.is_undecided:  # what has no score was checked before it was taken away
                    trial.game.checked_scores(match.scores)
                num_plays += 1
    return f"{num_plays} plays, with illegal replies, forfeits and turn limits, kept length, bounds and sum"


def replays(trial: Trial) -> str:
    """The same seed and replies give the same game."""
    first, again = (_random_matches(trial.game, trial.params, trial.seeds, trial.clerk) for _ in range(2))
    for match, other in zip(first, again, strict=True):
        if match.digest() != other.digest():
            raise Broken(f"{_first_difference(match, other)}; all chance goes through t.choose, t.shuffle and t.deal")
    return f"{len(trial.seeds)} seeds, each played twice"


def replays_elsewhere(trial: Trial) -> str:
    """So do they in other processes, with other hash seeds."""
    module = sys.modules.get(trial.game.module)
    attr = next((name for name, value in vars(module).items() if value is trial.game), None) if module else None
    is_named = attr is not None and trial.game.module != "__main__" and os.path.isfile(trial.game.file)
    if trial.reload is None and not is_named:
        raise NotTried(f"the game is not a name of a module or file ({trial.game.module})")
    matches = _random_matches(trial.game, trial.params, trial.seeds, trial.clerk)
    here = [match.digest() for match in matches]
    asked = {
        "reload": None if is_named else trial.reload,
        "module": trial.game.module,
        "file": trial.game.file,
        "attr": attr,
        "params": dict(trial.params),
        "seeds": list(trial.seeds),
        "calls": [call_to_json(*answered) for match in matches for answered in match.calls],
    }
    for hash_seed in HASH_SEEDS:
        surroundings = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            child = subprocess.run(
                [sys.executable, "-c", CHILD],
                input=json.dumps(asked),
                capture_output=True,
                text=True,
                env=surroundings,
                timeout=CHILD_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Broken(f"{len(trial.seeds)} plays in another process were not over within {CHILD_LIMIT_S} s") from None
        if child.returncode:
            raise Broken(f"it does not play in another process: {child.stderr.strip().splitlines()[-1:]}")
        if json.loads(child.stdout) != here:
            raise Broken(f"PYTHONHASHSEED={hash_seed} gave another game; do not go through a set, or sort it first")
    return f"{len(trial.seeds)} seeds in {len(HASH_SEEDS)} other processes with other hash seeds"


def saves_and_forks(trial: Trial) -> str:
    """A match that was saved, loaded or forked goes on as the first would."""
    num_forks = 0
    for seed in trial.seeds[:3]:
        match = LiveMatch(trial.game, trial.params, Seed(seed), retries=1, max_turns=MAX_FORKED_TURNS)
        settle([match], trial.clerk)
        while not match.done:
            saved = json.loads(json.dumps(match.save()))
            if LiveMatch.load(trial.game, saved).requests() != match.requests():
                raise ReplayMismatch(f"seed {seed}: a loaded match asks something else after {len(match.replies)} replies")
            fork = match.fork()
            num_forks += 1
            replies = random_replies(match, seed, 0.2)
            match.submit(replies)
            fork.submit(replies)
            settle([match, fork], trial.clerk)
            if fork.digest() != match.digest():
                raise ReplayMismatch(f"seed {seed}: a fork went another way after {len(match.replies)} replies")
    return f"{num_forks} states saved, loaded and forked"


def stays_finished(trial: Trial) -> str:
    """Nothing changes a match that is over."""
    for seed in trial.seeds[:2]:
        match = trial.played(seed)
        before = match.digest()
        if not all(_is_refused(match, replies) for replies in ({}, {0: "1"})):
            raise Broken("it took a reply after its end")
        if match.requests() or match.digest() != before:
            raise Broken("it changed after its end")
    return "a reply after the end is refused and changes nothing"


def takes_odd_replies(trial: Trial) -> str:
    """Whatever a player says is a move or is refused."""
    num_tried = 0
    for seed in trial.seeds[:2]:
        for odd in ODD_REPLIES:
            match = LiveMatch(trial.game, trial.params, Seed(seed), retries=1)
            settle([match], trial.clerk)
            # The first question, and a later one where there is one.
            for _ in range(2):
                asked = match.requests()
                if not asked:
                    break
                match.submit({request.seat: odd for request in asked})
                settle([match], trial.clerk)
                num_tried += 1
                for request in asked:
                    view = match.view(request.seat)
                    said = view[len(request.view)]
                    if (said.speaker, said.text) != (SELF, odd):
                        raise Broken(f"the reply {odd[:40]!r} is not in its seat's view as it was given")
                if match.requests():
                    match.submit(random_replies(match, seed, 0.0))
                    settle([match], trial.clerk)
    return f"{num_tried} empty, huge, unicode and forged replies were moves or refused"


def _first_difference(match: LiveMatch, other: LiveMatch) -> str:
    """Return which seat first saw something else, and with which seed."""
    same = f"the same seed and replies gave another game: seed {match.seed.key}"
    for seat, name in enumerate(match.game.seats):
        for ours, theirs in zip_longest(match.view(seat), other.view(seat)):
            if ours != theirs:
                seen = [repr(line.text) if line else "nothing" for line in (ours, theirs)]
                return f"{same}, seat {name!r} saw {seen[0]} and then {seen[1]}"
    return f"{same}, scores {match.scores} and then {other.scores}"


def _random_matches(game: Game, params: Params, seeds: Sequence[int], clerk: Clerk) -> list[LiveMatch]:
    return [played(game, params, seed, share, clerk=clerk, max_turns=MAX_REPLAYED_TURNS) for seed in seeds for share in (0.0, 0.2)]


def _is_refused(match: LiveMatch, replies: dict[int, str]) -> bool:
    try:
        match.submit(replies)
    except GameError:
        return True
    return False
