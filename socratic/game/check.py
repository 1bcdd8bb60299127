"""Whether a game keeps its contract, found out by playing it: `socratic games check NAME`.

A finding that passes says what was tried, not that nothing can go wrong; one that could not be tried says so.
"""

import importlib
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from socratic.errors import GameError, GameTooLarge, ReplayMismatch, SocraticError
from socratic.game.contract import TOLERANCE, Game, Params
from socratic.game.failures import GAME_FAILURES
from socratic.game.live_match import FINISHED, TURN_LIMIT, LiveMatch
from socratic.game.random_play import COMMON_REPLIES, ODD_REPLIES, played, random_episode, random_replies
from socratic.game.time_limit import TimeIsUp, time_limit
from socratic.records import GAME, SELF
from socratic.seeds import Seed

SEEDS = tuple(range(8))
# Enough for the level 0 of a game and a second or two of walking.
MAX_LEAVES = 20_000
# A hash seed that this process does not have by chance, and another.
HASH_SEEDS = ("1", "4242")
# Rules in code answer in milliseconds; a machine that is busy with training may take a thousand times that.
STEP_LIMIT_S = 10.0
RULE_LIMIT_S = 60.0
# Two of them fit into a rule's time.
CHILD_LIMIT_S = 25
# A linear program's answer is good to about 1e-9; a claim is wrong or right by far more.
CLAIM_TOLERANCE = 1e-6
# Forking at every turn costs the square of the turns.
MAX_FORKED_TURNS = 50
CHILD = "import sys; from socratic.game.check import play_elsewhere; sys.stdout.write(play_elsewhere(*sys.argv[1:]))"


class NotTried(Exception):
    """Raised by a rule that cannot be tried on this game."""


class Broken(Exception):
    """Raised by a rule that the game breaks."""


class Hangs(Broken):
    """Raised where the game neither asks nor ends: nothing else can be tried on it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What came out of one rule."""

    rule: str
    passed: bool
    detail: str
    was_tried: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What came out of all rules."""

    game: str
    version: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether the game breaks none of the rules that could be tried."""
        return all(finding.passed for finding in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What the rules are tried on."""

    game: Game
    params: Params
    seeds: Sequence[int]
    step_limit_s: float
    rule_limit_s: float


def check_game(
    game: Game,
    params: Params | None = None,
    seeds: Sequence[int] = SEEDS,
    *,
    step_limit_s: float = STEP_LIMIT_S,
    rule_limit_s: float = RULE_LIMIT_S,
) -> Report:
    """Return what came out of trying every rule of the contract on a game.

    Args:
        game: What is checked.
        params: Its parameters; defaults fill what is left out.
        seeds: The keys of the random plays.
        step_limit_s: How long the game may take from one question to the next; no limit outside the main thread.
        rule_limit_s: How long one rule may be tried.

    Raises:
        ConfigError: the parameters do not fit the game.
    """
    trial = Trial(game=game, params=game.complete(params), seeds=seeds, step_limit_s=step_limit_s, rule_limit_s=rule_limit_s)
    findings: list[Finding] = []
    for rule, tried in RULES.items():
        try:
            findings.append(_finding(rule, tried, trial))
        except Hangs as found:
            findings.append(Finding(rule=rule, passed=False, detail=str(found)))
            rest = list(RULES)[len(findings) :]
            findings += [Finding(rule=left, passed=True, detail="not tried: the game hangs", was_tried=False) for left in rest]
            break
    return Report(game=game.name, version=game.version, findings=tuple(findings))


def play_elsewhere(module: str, file: str, attr: str, params: str, seeds: str) -> str:
    """Return the digests of random plays as JSON; for a child process with another hash seed."""
    try:
        found = getattr(importlib.import_module(module), attr)
    except ModuleNotFoundError:
        found = runpy.run_path(file)[attr]
    if not isinstance(found, Game):
        raise GameError(f"{file}:{attr} is {found!r}, expected a game")
    return json.dumps(_digests(found, json.loads(params), json.loads(seeds)))


def _finding(rule: str, tried: Callable[[Trial], str], trial: Trial) -> Finding:
    try:
        with time_limit(trial.rule_limit_s):
            return Finding(rule=rule, passed=True, detail=tried(trial))
    except NotTried as reason:
        return Finding(rule=rule, passed=True, detail=f"not tried: {reason}", was_tried=False)
    except Hangs:
        raise
    except Broken as found:
        return Finding(rule=rule, passed=False, detail=str(found))
    except TimeIsUp:
        return Finding(
            rule=rule, passed=False, detail=f"not over within {trial.rule_limit_s:g} s; does every reply lead to a question or an end?"
        )
    except (SocraticError, *GAME_FAILURES) as error:
        return Finding(rule=rule, passed=False, detail=f"{type(error).__name__}: {error}")


def _ends(trial: Trial) -> str:
    longest = 0
    for params in (trial.params, *map(trial.game.complete, trial.game.levels)):
        for seed in trial.seeds[:2]:
            match = _played_in_time(trial, params, seed)
            longest = max(longest, len(match.replies))
            if match.ending == TURN_LIMIT:
                raise Broken(f"random play of {dict(params)} with seed {seed} was not over after {match.max_turns} turns")
    return f"random play ended at every level; the longest took {longest} turns"


def _played_in_time(trial: Trial, params: Params, seed: int) -> LiveMatch:
    """Return a match played to its end at random, each step of it within the limit."""
    match: LiveMatch | None = None
    while match is None or not match.done:
        replies = {} if match is None else random_replies(match, seed, 0.0)
        try:
            with time_limit(trial.step_limit_s):
                if match is None:
                    match = LiveMatch(trial.game, params, Seed(seed), retries=len(COMMON_REPLIES))
                else:
                    match.submit(replies)
        except TimeIsUp:
            num_replies = 0 if match is None else len(match.replies)
            raise Hangs(
                f"no question and no end within {trial.step_limit_s:g} s, after {num_replies} replies of {dict(params)} with seed {seed}"
            ) from None
    return match


def _random_play_is_legal(trial: Trial) -> str:
    for seed in trial.seeds:
        match = played(trial.game, trial.params, seed)
        if match.ending != FINISHED:
            raise Broken(f"seed {seed}: {match.ending}; where `legal` is no list, give the game a bot('random') whose replies are legal")
    return f"{len(trial.seeds)} random plays finished"


def _scores_fit(trial: Trial) -> str:
    """A finished game's scores are checked as it ends: here under illegal replies and at the turn limit too."""
    num_plays = 0
    for seed in trial.seeds:
        for illegal_share in (0.0, 0.3, 1.0):
            for retries, max_turns in ((0, 1), (0, 200), (2, 200)):
                match = played(trial.game, trial.params, seed, illegal_share, retries=retries, max_turns=max_turns)
                if match.scores is None:
                    raise Broken(f"seed {seed}: no scores at the end")
                trial.game.checked_scores(match.scores)
                num_plays += 1
    return f"{num_plays} plays, with illegal replies, forfeits and turn limits, kept length, bounds and sum"


def _replays(trial: Trial) -> str:
    if _digests(trial.game, trial.params, trial.seeds) != _digests(trial.game, trial.params, trial.seeds):
        raise Broken("the same seed and replies gave another game; all chance goes through t.choose, t.shuffle and t.deal")
    return f"{len(trial.seeds)} seeds, each played twice"


def _replays_elsewhere(trial: Trial) -> str:
    module = sys.modules.get(trial.game.module)
    attr = next((name for name, value in vars(module).items() if value is trial.game), None) if module else None
    if attr is None or trial.game.module == "__main__" or not os.path.isfile(trial.game.file):
        raise NotTried(f"the game is not a name of a module or file ({trial.game.module})")
    here = _digests(trial.game, trial.params, trial.seeds)
    arguments = (trial.game.module, trial.game.file, attr, json.dumps(dict(trial.params)), json.dumps(list(trial.seeds)))
    for hash_seed in HASH_SEEDS:
        surroundings = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            child = subprocess.run(
                [sys.executable, "-c", CHILD, *arguments],
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
            raise Broken("another PYTHONHASHSEED gave another game; do not go through a set, or sort it first")
    return f"{len(trial.seeds)} seeds in {len(HASH_SEEDS)} other processes with other hash seeds"


def _saves_and_forks(trial: Trial) -> str:
    num_forks = 0
    for seed in trial.seeds[:3]:
        match = LiveMatch(trial.game, trial.params, Seed(seed), retries=1, max_turns=MAX_FORKED_TURNS)
        while not match.done:
            saved = json.loads(json.dumps(match.save()))
            if LiveMatch.load(trial.game, saved).requests() != match.requests():
                raise ReplayMismatch(f"seed {seed}: a loaded match asks something else after {len(match.replies)} replies")
            fork = match.fork()
            num_forks += 1
            replies = random_replies(match, seed, 0.2)
            match.submit(replies)
            fork.submit(replies)
            if fork.digest() != match.digest():
                raise ReplayMismatch(f"seed {seed}: a fork went another way after {len(match.replies)} replies")
    return f"{num_forks} states saved, loaded and forked"


def _keeps_secrets(trial: Trial) -> str:
    num_secrets = 0
    for seed in trial.seeds:
        match = played(trial.game, trial.params, seed)
        for secret in match.secrets:
            num_secrets += 1
            for seat in secret.keep_from:
                leak = next((line.text for line in match.view(seat) if line.speaker == GAME and secret.text in line.text), None)
                if leak is not None:
                    raise Broken(f"seed {seed}: seat {trial.game.seats[seat]!r} was shown {secret.text!r} in {leak!r}")
    if not num_secrets:
        raise NotTried("the game declares no t.secret")
    return f"{num_secrets} secrets in {len(trial.seeds)} plays; only their exact text was looked for"


def _stays_finished(trial: Trial) -> str:
    for seed in trial.seeds[:2]:
        match = played(trial.game, trial.params, seed)
        before = match.digest()
        if not all(_is_refused(match, replies) for replies in ({}, {0: "1"})):
            raise Broken("it took a reply after its end")
        if match.requests() or match.digest() != before:
            raise Broken("it changed after its end")
    return "a reply after the end is refused and changes nothing"


def _takes_odd_replies(trial: Trial) -> str:
    num_tried = 0
    for seed in trial.seeds[:2]:
        for odd in ODD_REPLIES:
            match = LiveMatch(trial.game, trial.params, Seed(seed), retries=1)
            # The first question, and a later one where there is one.
            for _ in range(2):
                asked = match.requests()
                if not asked:
                    break
                match.submit({request.seat: odd for request in asked})
                num_tried += 1
                for request in asked:
                    view = match.view(request.seat)
                    said = view[len(request.view)]
                    if (said.speaker, said.text) != (SELF, odd):
                        raise Broken(f"the reply {odd[:40]!r} is not in its seat's view as it was given")
                if match.requests():
                    match.submit(random_replies(match, seed, 0.0))
    return f"{num_tried} empty, huge, unicode and forged replies were moves or refused"


def _choices_matter(trial: Trial) -> str:
    scores = {played(trial.game, trial.params, seed).scores for seed in (*trial.seeds, *range(100, 140))}
    if len(scores) == 1:
        raise Broken(f"every random play scored {scores.pop()}")
    try:
        from socratic.game.tree import enumerate_tree

        tree = enumerate_tree(trial.game, trial.params, MAX_LEAVES)
    except GameTooLarge as reason:
        return f"{len(scores)} different outcomes of random play; no best response: {reason}"
    # Where all babble, answering well may gain nothing (a reference game): so against an uneven strategy too.
    draws = Seed(0).child("uneven")
    uneven = [row * [draws.child("row", index).uniform(at) for at in range(len(row))] for index, row in enumerate(tree.uniform())]
    strategies = (tree.uniform(), [row / row.sum() for row in uneven])
    gains = [
        max(tree.best_response(strategy, seat)[0] - tree.values(strategy)[seat] for strategy in strategies)
        for seat in range(len(trial.game.seats))
    ]
    if max(gains) <= TOLERANCE:
        raise Broken("no seat gains anything over random play by a best response")
    gained = ", ".join(f"{seat} {gain:+.3f}" for seat, gain in zip(trial.game.seats, gains, strict=True))
    return f"{len(scores)} different outcomes of random play; a best response to it gains {gained}"


def _truths_agree(trial: Trial) -> str:
    """The declared optimum, the game's own solver and its verifier against the tree and against play."""
    said = [*_claims_that_hold(trial), *_verified_plays(trial)]
    if not said:
        raise NotTried("the game declares no optimum, solver or verifier")
    return "; ".join(said)


def _claims_that_hold(trial: Trial) -> list[str]:
    claims = {"optimum": trial.game.best_score(trial.params), "solve": trial.game.solve(trial.params)}
    claims = {name: claim for name, claim in claims.items() if claim is not None}
    value = _exact_value(trial) if claims else None
    for name, claim in claims.items():
        if value is not None and claim is not None and abs(claim - value) > CLAIM_TOLERANCE:
            raise Broken(f"its {name} is {claim}, and the tree's value {value}")
    return [f"{name} {'declared; no tree to hold it against' if value is None else 'agrees with the tree'}" for name in claims]


def _verified_plays(trial: Trial) -> list[str]:
    num_verified = 0
    for seed in trial.seeds:
        episode = random_episode(trial.game, trial.params, seed)
        verified = trial.game.verify(episode)
        if verified is not None:
            num_verified += 1
            if max(abs(a - b) for a, b in zip(verified, episode.scores, strict=True)) > TOLERANCE:
                raise Broken(f"seed {seed}: verify says {tuple(verified)}, play {episode.scores}")
    return [f"verify agrees with {num_verified} plays"] if num_verified else []


def _exact_value(trial: Trial) -> float | None:
    """Return seat 0's value where one seat or a zero-sum pair makes it plain."""
    from socratic.game.tree import enumerate_tree

    try:
        tree = enumerate_tree(trial.game, trial.params, MAX_LEAVES)
    except GameTooLarge:
        return None
    if len(trial.game.seats) == 1:
        return tree.best_response(tree.uniform(), 0)[0]
    if len(trial.game.seats) == 2 and trial.game.zero_sum:
        return tree.solve()[1]
    return None


def _digests(game: Game, params: Params, seeds: Sequence[int]) -> list[str]:
    return [played(game, params, seed, share).digest() for seed in seeds for share in (0.0, 0.2)]


def _is_refused(match: LiveMatch, replies: dict[int, str]) -> bool:
    try:
        match.submit(replies)
    except GameError:
        return True
    return False


RULES: dict[str, Callable[[Trial], str]] = {
    "ends": _ends,
    "random play is legal": _random_play_is_legal,
    "scores fit": _scores_fit,
    "same seed and replies, same game": _replays,
    "same game under another hash seed": _replays_elsewhere,
    "save, load and fork agree": _saves_and_forks,
    "secrets are kept": _keeps_secrets,
    "a finished game stays finished": _stays_finished,
    "odd replies are moves or refused": _takes_odd_replies,
    "choices matter": _choices_matter,
    "declared truths agree": _truths_agree,
}
