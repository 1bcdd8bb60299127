"""Rules about what a game is worth: choices matter, and what it declares of its optimum agrees with play."""

from typing import TYPE_CHECKING

from socratic.errors import GameTooLarge, SocraticError
from socratic.game.bots import own_player
from socratic.game.calls import settle
from socratic.game.check.trial import Broken, NotTried, Trial
from socratic.game.contract import TOLERANCE
from socratic.game.live_match import LiveMatch
from socratic.game.random_play import random_episode
from socratic.game.time_limit import TimeIsUp, time_limit
from socratic.seeds import Seed

if TYPE_CHECKING:
    from socratic.game.tree import Tree

# Enough for the level 0 of a game and a second or two of walking.
MAX_LEAVES = 20_000
# Twenty thousand replays of built-in games take a few seconds.
TREE_LIMIT_S = 20.0
# A linear program's answer is good to about 1e-9; a claim is wrong or right by far more.
CLAIM_TOLERANCE = 1e-6
# Starts of the climb to a joint optimum: reference games of 4 or 5 objects are found with half of them.
NUM_STARTS = 24


def choices_matter(trial: Trial) -> str:
    """Scores vary, and whoever plays well gains by it."""
    matches = [trial.played(seed) for seed in (*trial.seeds, *range(100, 140))]
    scores = {match.scores for match in matches if not match.is_undecided}
    if not scores:
        raise NotTried("the critic that the game asks cannot say what any match is worth")
    if len(scores) == 1:
        [always] = scores
        if (optimal := _optimal_score(trial)) not in {None, always}:
            return f"every random play scored {always}, and the game's own optimal player {optimal}"
        best = trial.game.best_score(trial.params)
        if always is None or best is None or abs(best - always[0]) <= TOLERANCE:
            raise Broken(f"every random play scored {always}")
        return f"every random play scored {always}, and optimal play scores {best:g}"
    try:
        tree = _tree(trial)
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


def _optimal_score(trial: Trial) -> tuple[float, ...] | None:
    """Return what the game's own optimal player gets in every seat of one match; None where it has none."""
    optimal = own_player(trial.game, "optimal", trial.params)
    if optimal is None:
        return None
    match = LiveMatch(trial.game, trial.params, Seed(trial.seeds[0]))
    settle([match], trial.clerk)
    while not match.done:
        match.submit({request.seat: optimal.reply(request, Seed(request.turn), match.seed.key) for request in match.requests()})
        settle([match], trial.clerk)
    return match.scores


def truths_agree(trial: Trial) -> str:
    """The declared optimum, the game's own solver and its verifier against the tree and against play."""
    held, unheld = _claims(trial)
    held += _verified_plays(trial)
    if not held:
        raise NotTried("; ".join(unheld) or "the game declares no optimum, solver or verifier")
    return "; ".join([*held, *unheld])


def _claims(trial: Trial) -> tuple[list[str], list[str]]:
    """Return what was held against the tree, and what could not be."""
    claims = {"optimum": trial.game.best_score(trial.params), "solve": trial.game.solve(trial.params)}
    stated = {name: claim for name, claim in claims.items() if claim is not None}
    for name, claim in stated.items():
        low, high = trial.game.bounds
        if not low - TOLERANCE <= claim <= high + TOLERANCE:
            raise Broken(f"its {name} is {claim}, outside its bounds [{low:g}, {high:g}]")
    held, unheld = [], []
    for name, claim in stated.items():
        try:
            held.append(_held_against(_tree(trial), name, claim))
        except GameTooLarge:
            unheld.append(f"{name} declared, and no tree to hold it against")
        except NotTried as reason:
            unheld.append(str(reason))
    return held, unheld


def _held_against(tree: "Tree", name: str, claim: float) -> str:
    """Hold a claim against the value where there is one: one seat, a zero-sum pair, or seats with one aim.

    Raises:
        NotTried: there is none.
    """
    if len(tree.game.seats) == 1:
        value = tree.best_response(tree.uniform(), 0)[0]
    elif len(tree.game.seats) == 2 and tree.game.zero_sum:
        try:
            value = tree.solve()[1]
        except SocraticError as reason:
            raise NotTried(f"{name} declared, and not held against the tree: {reason}") from None
    elif tree.is_common_payoff:
        value = tree.best_joint(NUM_STARTS)[1]
        if value < claim - CLAIM_TOLERANCE:
            return f"{name} {claim:g} not exceeded: best responses in turn reach {value:g}"
    else:
        raise NotTried(f"{name} declared, and several aims, so that the tree has no value to hold it against")
    if abs(claim - value) > CLAIM_TOLERANCE:
        raise Broken(f"its {name} is {claim}, and the tree's value {value}")
    return f"{name} agrees with the tree"


def _verified_plays(trial: Trial) -> list[str]:
    num_verified = 0
    for seed in trial.seeds:
        episode = random_episode(trial.game, trial.params, seed, trial.clerk)
        verified = trial.game.verify(episode)
        if verified is not None and not episode.is_undecided:
            num_verified += 1
            if max(abs(a - b) for a, b in zip(verified, episode.scores, strict=True)) > TOLERANCE:
                raise Broken(f"seed {seed}: verify says {tuple(verified)}, play {episode.scores}")
    return [f"verify agrees with {num_verified} plays"] if num_verified else []


def _tree(trial: Trial) -> "Tree":
    """Walk the tree, once; a game whose rules take their time has none here.

    Raises:
        GameTooLarge: there is none.
    """
    from socratic.game.tree import enumerate_tree

    if not trial.trees:
        try:
            with time_limit(TREE_LIMIT_S):
                trial.trees.append(enumerate_tree(trial.game, trial.params, MAX_LEAVES, clerk=trial.clerk))
        except GameTooLarge as reason:
            trial.trees.append(str(reason))
        except TimeIsUp:
            trial.trees.append(f"{trial.game.name} has a tree that takes more than {TREE_LIMIT_S:g} s to walk")
    found = trial.trees[0]
    if isinstance(found, str):
        raise GameTooLarge(found)
    return found
