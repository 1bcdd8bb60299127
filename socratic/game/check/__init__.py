"""Whether a game keeps its contract, found out by playing it: `socratic games check NAME`.

A finding that passes says what was tried, not that nothing can go wrong; one that could not be tried says so.
"""

from collections.abc import Callable, Sequence

from socratic.errors import ConfigError, GameError
from socratic.game.calls import Clerk, NoClerk
from socratic.game.check.leaks import keeps_hidden_draws, keeps_secrets
from socratic.game.check.play import (
    ends,
    played_in_time,
    random_play_is_legal,
    replays,
    replays_elsewhere,
    saves_and_forks,
    scores_fit,
    stays_finished,
    takes_odd_replies,
)
from socratic.game.check.trial import Broken, Finding, Hangs, NotTried, Report, Trial
from socratic.game.check.truths import choices_matter, truths_agree
from socratic.game.contract import Game, Params
from socratic.game.failures import GAME_FAILURES
from socratic.game.live_match import TURN_LIMIT
from socratic.game.time_limit import TimeIsUp, time_limit

__all__ = ["Finding", "Report", "check_game", "try_out"]

SEEDS = tuple(range(8))
# Rules in code answer in milliseconds; a machine that is busy with training may take a thousand times that.
STEP_LIMIT_S = 10.0
RULE_LIMIT_S = 60.0


def check_game(
    game: Game,
    params: Params | None = None,
    seeds: Sequence[int] = SEEDS,
    *,
    clerk: Clerk | None = None,
    reload: tuple[str, str] | None = None,
    step_limit_s: float = STEP_LIMIT_S,
    rule_limit_s: float = RULE_LIMIT_S,
) -> Report:
    """Return what came out of trying every rule of the contract on a game.

    Args:
        game: What is checked.
        params: Its parameters; defaults fill what is left out.
        seeds: The keys of the random plays.
        clerk: Who answers what the game asks of critics and of the sandbox.
        reload: "module:function" and a name: how another process comes by a game that is no attribute of a module.
        step_limit_s: How long the game may take from one question to the next; no limit outside the main thread.
        rule_limit_s: How long one rule may be tried.

    Raises:
        ConfigError: the parameters do not fit the game, or it refuses them as a match begins.
    """
    trial = Trial(
        game=game,
        params=game.complete(params),
        seeds=seeds,
        clerk=clerk or NoClerk(),
        reload=reload,
        step_limit_s=step_limit_s,
        rule_limit_s=rule_limit_s,
    )
    _begin(trial)
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


def try_out(game: Game, params: Params | None, clerk: Clerk, *, max_turns: int, seeds: Sequence[int] = SEEDS[:2]) -> None:
    """Play a game a few times before a run leans on it.

    Raises:
        ConfigError: the parameters do not fit the game.
        PlayError: it asks a critic that the clerk does not have.
        GameError: it breaks its contract: it fails, hangs, never ends, shows what it hides, or is another game when it is
            played again.
    """
    trial = Trial(
        game=game,
        params=game.complete(params),
        seeds=seeds,
        clerk=clerk,
        reload=None,
        step_limit_s=STEP_LIMIT_S,
        rule_limit_s=RULE_LIMIT_S,
        max_turns=max_turns,
    )
    try:
        with time_limit(trial.rule_limit_s):
            matches = [played_in_time(trial, trial.params, seed) for seed in seeds]
            if all(match.ending == TURN_LIMIT for match in matches):
                raise Broken(
                    f"random play with {dict(trial.params)} and seed {seeds[0]} was not over after {max_turns} turns, the last of seat "
                    f"{matches[0].last_asked!r}; if it is only long, raise play.max_turns"
                )
            replays(trial)
            keeps_hidden_draws(trial)
    except NotTried:
        return
    except Broken as found:
        raise GameError(f"{game.name}: {found}") from None
    except TimeIsUp:
        raise GameError(f"{game.name}: a few random matches were not over within {trial.rule_limit_s:g} s") from None


def _begin(trial: Trial) -> None:
    """Play a match, because parameters that a game refuses, and a sandbox that is not installed, are no fault of the game.

    What else goes wrong, the rules find.
    """
    try:
        with time_limit(trial.step_limit_s):
            trial.played(trial.seeds[0])
    except ConfigError:
        raise
    except TimeIsUp:
        return
    except GAME_FAILURES:
        return


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
    except GAME_FAILURES as error:
        return Finding(rule=rule, passed=False, detail=f"{type(error).__name__}: {error}")


RULES: dict[str, Callable[[Trial], str]] = {
    "ends": ends,
    "random play is legal": random_play_is_legal,
    "scores fit": scores_fit,
    "same seed and replies, same game": replays,
    "same game under another hash seed": replays_elsewhere,
    "save, load and fork agree": saves_and_forks,
    "secrets are kept": keeps_secrets,
    "hidden draws stay hidden": keeps_hidden_draws,
    "a finished game stays finished": stays_finished,
    "odd replies are moves or refused": takes_odd_replies,
    "choices matter": choices_matter,
    "declared truths agree": truths_agree,
}
