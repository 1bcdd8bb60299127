"""The loop's critic: what a scorer says is the feedback, as long as those who can be talked round stand the test.

Every generation each critic that reads text is held against what is known to be true, over a window of generations:

- who answered `t.judge`, by the matches it judged: the game probes both what the judge made of them (`critic`) and the exact score
  of the twin (`exact`), as shares in [0, 1];
- a scorer, by its reward against the game's own score, where code scored the match, and against `exact`, where a judge did; both
  as shares of the game's range. One seat of each match is taken, so that cases do not repeat each other.

A member of a panel of judges is held against the truth by what it says of the judgements that are asked again, where it is known
which option the game counts: of matches that ask for one judgement whose share is `critic`, always that of the same option.
Elsewhere canaries are all there is, and a note says so.

One that fails (`quarantine`) is not heard from that generation on: a scorer's rewards are NaN, as are those of all matches that hold
judgements of a judge. An event says so once, and the run goes on. It is lifted by `feedback.measure.quarantine = false`. A judge that
cannot say (NaN) leaves the same of the one match: its rewards are NaN, whoever scores it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from math import isclose, isfinite, nan
from typing import TypeAlias

from socratic.config import Measure
from socratic.critics.calibration import Case
from socratic.critics.canaries import Asked, Low, Tally, ask_both_orders, try_judge, try_scorer
from socratic.critics.casebook import Casebook, Entry
from socratic.critics.panel import PanelJudge, PanelScorer, Rewards
from socratic.critics.quarantine import find_fault
from socratic.errors import CheckpointError
from socratic.game import Game
from socratic.protocols import Judge, Scorer
from socratic.records import Episode, Event, Feedback, Json, Judged, Judgement
from socratic.registry import load_game
from socratic.seeds import Seed

Question: TypeAlias = tuple[str, str, tuple[str, ...]]  # the game, what it asks, between what


class MeasuredCritic:
    """Signs a scorer's rewards, measures it and the judge, and shuts out what fails."""

    def __init__(
        self,
        scorer: Scorer,
        judge: Judge | None,
        section: Measure,
        seed: Seed,
        *,
        judge_name: str = "judge",
        game_of: Callable[[str], Game] = load_game,
    ) -> None:
        """Take what `scorer` says, and measure it and `judge`.

        Args:
            scorer: says what episodes are worth; of a panel each member is measured.
            judge: answers `t.judge` in play, or is like who does; None where nobody does. Of a panel each member is measured too. One
                that fails is left out where the panel itself is handed to play (its `doors`), else all are.
            section: how to measure.
            seed: chooses what is asked again.
            judge_name: what a judge without a name of its own is called; where a scorer has the same name, `_judge` is added.
            game_of: finds a game by its name.
        """
        self._scorer = scorer
        self._section = section
        self._seed = seed
        self._game_of = game_of
        self._scorers: dict[str, Scorer] = dict(scorer.members) if isinstance(scorer, PanelScorer) else {scorer.name: scorer}
        own_name = str(getattr(judge, "name", judge_name))
        self._judge_name = f"{own_name}_judge" if own_name in {*self._scorers, scorer.name} else own_name
        self._judges: dict[str, Judge] = {}
        if judge is not None:
            members = judge.members if isinstance(judge, PanelJudge) else {}
            self._judges = {self._judge_name: judge, **{f"{self._judge_name}_{name}": member for name, member in members.items()}}
        read = [name for name, each in self._scorers.items() if each.reads_text]
        self._books = {name: Casebook(name, section) for name in (*read, *self._judges)} if section.enabled else {}
        self._is_noted = False

    def judge(self, index: int, episodes: Sequence[Episode]) -> Judged:
        """Return generation `index`'s feedback, what is known of the critics, and an event for each that is shut out by it."""
        said = {name: scorer.score(episodes) for name, scorer in self._scorers.items()}
        events: list[Event] = []
        metrics: dict[str, float] = {}
        for name, book in self._books.items():
            is_judge = name in self._judges
            book.add(self._judge_entry(index, name, episodes) if is_judge else self._scorer_entry(index, name, episodes, said[name]))
            youden, known = book.measure()
            fault = find_fault(youden, book.canaries(), self._section)
            if fault is not None and book.since is None:
                book.since = index
                events.append(self._event(name, fault, is_judge=is_judge))
                if is_judge:
                    self._leave_out(name)
            metrics |= {**known, f"critic/{name}/quarantined": float(self._is_out(name))}
        events += self._unasked(index, episodes)
        events += self._notes(episodes)
        rewards = self._combined(index, episodes, said)
        if isinstance(self._scorer, PanelScorer):
            metrics[f"critic/{self._scorer.name}/disagreement"] = self._scorer.disagreement(episodes, self._heard(said))
        return Judged(
            feedback=tuple(
                Feedback(episode_id=episode.match.episode_id, rewards=each, critic=self._scorer.name)
                for episode, each in zip(episodes, rewards, strict=True)
            ),
            metrics={name: value for name, value in metrics.items() if isfinite(value)},
            events=tuple(events),
        )

    def state(self) -> Mapping[str, Json]:
        """Return the cases of the window, and who is not heard."""
        return {"books": {name: book.state() for name, book in self._books.items()}, "is_noted": self._is_noted}

    def restore(self, state: Mapping[str, Json]) -> None:
        """Take the memory back.

        Raises:
            CheckpointError: it is that of other critics.
        """
        books = state.get("books")
        if not isinstance(books, dict) or "is_noted" not in state or set(books) != set(self._books):
            known = sorted(books) if isinstance(books, dict) else "nothing"
            raise CheckpointError(
                f"the checkpoint knows the critics {known}, this run {sorted(self._books)}; is the configuration its own?"
            )
        for name, book in self._books.items():
            book.restore(books[name])
            if name in self._judges:
                self._leave_out(name)
        self._is_noted = bool(state["is_noted"])

    def _is_out(self, name: str) -> bool:
        book = self._books.get(name)
        return book is not None and book.since is not None and self._section.quarantine

    def _is_judge_out(self, index: int) -> bool:
        """Return whether what was judged is not to be learned from: of a panel, while one who is out was still asked."""
        judge, members = self._judges.get(self._judge_name), [name for name in self._judges if name != self._judge_name]
        out = [name for name in members if self._is_out(name)]
        is_left_out = isinstance(judge, PanelJudge) and judge.doors is not None and len(out) < len(members)
        return self._is_out(self._judge_name) or bool(out and not is_left_out) or any(self._books[name].since == index for name in out)

    def _leave_out(self, name: str) -> None:
        """Tell a panel of judges, before it is asked again."""
        judge = self._judges[self._judge_name]
        if isinstance(judge, PanelJudge) and name != self._judge_name and self._is_out(name):
            judge.leave_out(name.removeprefix(f"{self._judge_name}_"))

    def _heard(self, said: Mapping[str, Rewards]) -> dict[str, Rewards]:
        return {name: rewards for name, rewards in said.items() if not self._is_out(name)}

    def _combined(self, index: int, episodes: Sequence[Episode], said: Mapping[str, Rewards]) -> Rewards:
        heard = self._heard(said)
        silence = [(nan,) * len(episode.scores) for episode in episodes]
        if isinstance(self._scorer, PanelScorer):
            rewards = self._scorer.combine(episodes, heard)
        else:
            rewards = heard.get(self._scorer.name, silence)
        is_out = self._is_judge_out(index)
        return [
            none if episode.is_undecided or (is_out and judgements_of(episode)) else each
            for episode, each, none in zip(episodes, rewards, silence, strict=True)
        ]

    def _scorer_entry(self, index: int, name: str, episodes: Sequence[Episode], rewards: Rewards) -> Entry:
        cases: list[Case] = []
        low: list[tuple[float, float, Low]] = []  # truth, a draw for those that are equally true, the episode
        num_silent = 0
        draw = self._seed.child(name, index)
        for place, (episode, said) in enumerate(zip(episodes, rewards, strict=True)):
            game = self._game_of(episode.match.game)
            seat = self._seat(episode, game)
            truth = truth_of(episode, game, seat)
            num_silent += not isfinite(said[seat])
            if truth is None:
                continue
            replies = [turn.reply for turn in episode.turns if turn.seat == seat]
            if isfinite(said[seat]):
                length = float(sum(map(len, replies)))
                kind = f"{game.name}/{game.seats[seat]}"
                texts = (_name_of(*(f"{line.speaker} {line.text}" for view in episode.views for line in view)),)
                cases.append(Case(score=share_of_range(said[seat], game), truth=truth, length=length, kind=kind, texts=texts))
            if truth < 0.5 and replies:
                low.append((truth, draw.uniform(place), Low(episode=episode, seat=seat)))
        chosen = [each for _, _, each in sorted(low, key=lambda held: held[:2])[: self._section.probes]]
        return Entry(
            index=index,
            cases=tuple(cases),
            silent=(num_silent, len(episodes)),
            canaries={} if self._is_out(name) else try_scorer(self._scorers[name], chosen, self._game_of),
        )

    def _judge_entry(self, index: int, name: str, episodes: Sequence[Episode]) -> Entry:
        judged = [episode for episode in episodes if judgements_of(episode)]
        cases = [case for episode in judged if (case := case_of(episode)) is not None]
        silent: Tally = (len(judged) - len(cases), len(judged))
        plain: list[tuple[float, ...]] = []
        chosen: list[tuple[Episode, Asked]] = []
        canaries: dict[str, Tally] = {}
        flips: Tally = (0, 0)
        if not self._is_out(name):
            judge, chosen = self._judges[name], self._chosen(self._seed.child(name, index), judged)
            asked = [each for _, each in chosen]
            plain, flips = ask_both_orders(judge, asked)
            canaries = try_judge(judge, asked, plain)
        if name != self._judge_name:
            # The matches were scored by all members: what this one would have made of them is known of those that it is asked again.
            silent = (sum(not all(map(isfinite, shares)) for shares in plain), len(plain))
            counted = counted_options(judged)
            found = [case_of_member(episode, shares, counted) for (episode, _), shares in zip(chosen, plain, strict=True)]
            cases = [case for case in found if case is not None]
        return Entry(index=index, cases=tuple(cases), silent=silent, canaries=canaries, flips=flips)

    def _chosen(self, seed: Seed, judged: Sequence[Episode]) -> list[tuple[Episode, Asked]]:
        """Return the judgements that are asked again, drawn by `seed`, and where each was asked."""
        every = [(episode, judgement) for episode in judged for judgement in judgements_of(episode)]
        order = sorted(range(len(every)), key=seed.uniform)[: self._section.probes]
        seats = [self._game_of(every[place][0].match.game).seats for place in order]
        return [
            (every[place][0], Asked(judgement=every[place][1], seat=names[seed.integer(len(names), len(every) + place)]))
            for place, names in zip(order, seats, strict=True)
        ]

    def _seat(self, episode: Episode, game: Game) -> int:
        """Return the seat whose reward is a case: seat 0 where `exact` is all that is known, else one of the agent's, drawn."""
        if judgements_of(episode) and game.zero_sum:
            return 0
        seats = [seat for seat, player in enumerate(episode.match.seats) if player == "agent"] or list(range(len(game.seats)))
        return seats[self._seed.child(episode.match.episode_id).integer(len(seats))]

    def _event(self, name: str, fault: str, *, is_judge: bool) -> Event:
        what = "the feedback of the matches it judges" if is_judge else "its feedback"
        if not self._section.quarantine:
            return Event(kind="note", message=f"the critic {name} fails, and is heard all the same (measure.quarantine=false): {fault}")
        return Event(
            kind="quarantine",
            message=f"the critic {name} is not heard from this generation on, {what} is NaN: {fault}. "
            "The run goes on without it; to hear it all the same, set feedback.measure.quarantine = false",
        )

    def _unasked(self, index: int, episodes: Sequence[Episode]) -> list[Event]:
        """Return, after the first generation, what to do about a judge that no match asked anything."""
        if index or not self._judges or any(judgements_of(episode) for episode in episodes):
            return []
        message = (
            f"feedback.judge is set, and no match of the first generation asked {self._judge_name} anything (t.judge); play a game that "
            "does, such as debate with judged = true, or leave feedback.judge out"
        )
        return [Event(kind="note", message=message)]

    def _notes(self, episodes: Sequence[Episode]) -> list[Event]:
        """Return, once, what to do about a judge, or the members of a panel of them, that nothing can be held against."""
        book = self._books.get(self._judge_name) if self._judge_name in self._judges else None
        if self._is_noted or book is None or not any(judgements_of(episode) for episode in episodes):
            return []
        if not book.cases():
            message = (
                f"nothing here has a truth to measure the critic {self._judge_name} by: no match it judged probes `critic` and "
                "`exact` as shares in [0, 1]; add a game that does, with an exact twin, such as debate with judged = true"
            )
        elif len(self._judges) > 1 and not counted_options(episodes):
            message = (
                f"the members of {self._judge_name} are measured by canaries alone: no match asks for one judgement of which the same "
                "option always counts; add a game that does, such as debate with judged = true"
            )
        else:
            return []
        self._is_noted = True
        return [Event(kind="note", message=message)]


def judgements_of(episode: Episode) -> list[Judgement]:
    """Return what the match asked of a judge."""
    return [call for call, _ in episode.calls if isinstance(call, Judgement)]


def case_of(episode: Episode) -> Case | None:
    """Return what a judge made of a match it judged, and the exact score; None where it could not say or they are not probed as shares."""
    return None if episode.is_undecided else _case(episode, episode.probes.get("critic", nan))


def _case(episode: Episode, score: float) -> Case | None:
    truth = episode.probes.get("exact", nan)
    if not (0 <= score <= 1 and 0 <= truth <= 1):
        return None
    judgements = judgements_of(episode)
    length = sum(len(judgement.evidence) for judgement in judgements)
    texts = tuple(_name_of(judgement.question, judgement.evidence) for judgement in judgements)
    return Case(score=score, truth=truth, length=float(length), kind=episode.match.game, texts=texts)


def counted_options(episodes: Sequence[Episode]) -> dict[Question, int]:
    """Return for each question the place of the option whose share the game probes as `critic`, where it is always the same one.

    Told by the matches in which one share alone is what was probed; so it is known for those too in which a panel was undecided.
    """
    places: dict[Question, set[int]] = defaultdict(set)
    for episode in episodes:
        case, asked = case_of(episode), _asked_once(episode)
        if case is None or asked is None:
            continue
        question, given = asked
        alike = [place for place, share in enumerate(given) if isclose(share / sum(given), case.score, abs_tol=1e-9)]
        # Of equal shares any may be the one; where none is what was probed, the game makes something else of them.
        places[question] |= set(alike) if len(alike) == 1 else set() if alike else {-1}
    return {question: min(found) for question, found in places.items() if len(found) == 1 and min(found) >= 0}


def case_of_member(episode: Episode, shares: Sequence[float], counted: Mapping[Question, int]) -> Case | None:
    """Return what one member's `shares` would have made of a match; None where that cannot be told, or it cannot say."""
    asked = _asked_once(episode)
    if asked is None or asked[0] not in counted or not all(map(isfinite, shares)):
        return None
    return _case(episode, min(1.0, shares[counted[asked[0]]] / sum(shares)))


def _asked_once(episode: Episode) -> tuple[Question, tuple[float, ...]] | None:
    """Return what a match asked of a judge, and the answer; None where it asked nothing, or more."""
    asked = [(call, answer) for call, answer in episode.calls if isinstance(call, Judgement) and isinstance(answer, tuple)]
    if len(asked) != 1:
        return None
    ((call, given),) = asked
    return (episode.match.game, call.question, call.options), given


def _name_of(*texts: str) -> str:
    return blake2b("\0".join(texts).encode(errors="surrogatepass"), digest_size=8).hexdigest()


def truth_of(episode: Episode, game: Game, seat: int) -> float | None:
    """Return what a seat earned in truth, as a share of the game's range; None where a judge scored and no twin says."""
    if not judgements_of(episode):
        return share_of_range(episode.scores[seat], game)
    truth = episode.probes.get("exact", nan)
    return truth if 0 <= truth <= 1 else None


def share_of_range(reward: float, game: Game) -> float:
    """Return where a reward lies between the game's bounds, 0 to 1; one beyond them is taken to the nearest."""
    low, high = game.bounds
    return min(1.0, max(0.0, (reward - low) / (high - low)))
