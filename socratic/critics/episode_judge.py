"""The judge as a scorer of whole episodes: a question in our words, what was public as the evidence, shares into rewards."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from socratic.game import Game
from socratic.protocols import Judge
from socratic.records import GAME, SELF, Episode, Judgement, Line

WELL, BADLY = "well", "badly"


class EpisodeJudge:
    """Asks a judge of each episode who played better, or how well each seat played.

    Where seats play against each other (zero-sum) one judgement has the seats as its options, and a seat's reward is how far its
    share lies from an equal one, times what reaches the game's bounds: of two seats the difference of the shares times the bound. Elsewhere
    there is a judgement for each seat, "well" or "badly", and the reward lies as far between the bounds as the share of "well".
    """

    name = "judge"
    reads_text = True

    def __init__(self, judge: Judge, game_of: Callable[[str], Game]) -> None:
        """Leave judgements to `judge`; `game_of` knows the seats and bounds of a game by its name."""
        self._judge = judge
        self._game_of = game_of

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        """Return a reward for each seat of each episode, within the game's bounds."""
        asked = [list(episode_judgements(episode, self._game_of(episode.match.game))) for episode in episodes]
        shares = iter(self._judge.judge_calls([judgement for each in asked for judgement in each]))
        return [
            _rewards(self._game_of(episode.match.game), [next(shares) for _ in each]) for episode, each in zip(episodes, asked, strict=True)
        ]


def episode_judgements(episode: Episode, game: Game) -> Iterator[Judgement]:
    """Yield what is asked of an episode: one judgement in a zero-sum game, elsewhere one for each seat."""
    seats = game.seats
    if game.zero_sum:
        question = f"{_listed(seats)} played {game.name} against each other. Who played better?"
        yield Judgement(question=question, evidence=public_transcript(episode, seats), options=seats)
        return
    for seat, name in enumerate(seats):
        others = f" with {_listed([other for other in seats if other != name])}" if len(seats) > 1 else ""
        evidence = public_transcript(episode, seats) if others else "\n".join(_own_line(line, seats, name) for line in episode.views[seat])
        yield Judgement(
            question=f"{name} played {game.name}{others}. How did {name} play?",
            evidence=evidence,
            options=(WELL, BADLY),
        )


def public_transcript(episode: Episode, seats: Sequence[str]) -> str:
    """Return what the game told every seat, and all replies, in the order in which they came.

    Each on one line that begins with who speaks: what the game repeats of a reply stays the game's line, and no reply starts another.
    """
    told = [Counter(line.text for line in view if line.speaker == GAME) for view in episode.views]
    common = told[0]
    for other in told[1:]:
        common = common & other
    public = [_said(_teller(seats), text) for text in _kept(episode.views[0], common)]
    # Before a seat's own reply it was told so many of the public lines.
    heard = [_heard_before_replies(view, common) for view in episode.views]
    lines: list[str] = []
    num_told = 0
    num_replies = Counter[int]()
    for turn in episode.turns:
        before = heard[turn.seat]
        place = num_replies[turn.seat]
        num_replies[turn.seat] += 1
        until = before[place] if place < len(before) else num_told
        lines += public[num_told:until]
        num_told = max(num_told, until)
        lines.append(_said(seats[turn.seat], turn.reply))
    return "\n".join([*lines, *public[num_told:]])


def _heard_before_replies(view: Sequence[Line], common: Counter[str]) -> list[int]:
    left = common.copy()
    heard, found = 0, []
    for line in view:
        if line.speaker == SELF:
            found.append(heard)
        elif left[line.text] > 0:
            left[line.text] -= 1
            heard += 1
    return found


def _kept(view: Sequence[Line], common: Counter[str]) -> list[str]:
    left = common.copy()
    kept = []
    for line in view:
        if line.speaker == GAME and left[line.text] > 0:
            left[line.text] -= 1
            kept.append(line.text)
    return kept


def _own_line(line: Line, seats: Sequence[str], name: str) -> str:
    return _said(name if line.speaker == SELF else _teller(seats), line.text)


def _teller(seats: Sequence[str]) -> str:
    """Return what the game is called: as none of the seats is."""
    name = GAME
    while name in seats:
        name = f"the {name}"
    return name


def _said(name: str, text: str) -> str:
    # On one line, whatever it holds: else a reply, or what the game repeats of one, could go on in another seat's name.
    return f"{name}: {' '.join(text.splitlines())}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _rewards(game: Game, shares: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    low, high = game.bounds
    if not game.zero_sum:
        return tuple(low + well * (high - low) for well, _ in shares)
    (each,) = shares
    equal = 1 / len(each)
    # The most that a share can lie above and below an equal one must not pass the bounds.
    scale = min(high / (1 - equal), -low / equal)
    return tuple((share - equal) * scale for share in each)
