"""The scorer that knows no truth: agreement of a deal's matches is all that it pays for."""

from math import isnan

from socratic.critics.self_consistency import SelfConsistencyScorer
from socratic.records import Episode, Match, Turn


def _episode(
    reply: str, *, deal: int = 0, digits: int = 2, score: float = 0.0, is_legal: bool = True, is_truncated: bool = False
) -> Episode:
    match = Match(episode_id="0", game="sums", params={"digits": digits}, seed=deal, draw_seed=0, seats=("agent",), version=0)
    turn = Turn(seat=0, reply=reply, is_legal=is_legal, player="agent", version=0, is_truncated=is_truncated)
    return Episode(match=match, scores=(score,), turns=(turn,), views=((),), ending="finished")


def _paid(episodes: list[Episode], scorer: SelfConsistencyScorer | None = None) -> list[float | None]:
    rewards = (scorer or SelfConsistencyScorer()).score(episodes)
    return [None if isnan(reward) else reward for (reward,) in rewards]


def test_the_answer_that_most_agree_on_is_paid_and_the_others_are_not() -> None:
    assert _paid([_episode(" 4 2"), _episode("4 2"), _episode("4 3"), _episode("4 2")]) == [1.0, 1.0, 0.0, 1.0]


def test_where_too_few_agree_nothing_is_said() -> None:
    assert _paid([_episode("4 2"), _episode("4 2"), _episode("4 3"), _episode("5 1")]) == [None] * 4


def test_one_match_alone_agrees_with_nobody() -> None:
    assert _paid([_episode("4 2")]) == [None]


def test_problems_are_told_apart_by_deal_and_parameters() -> None:
    episodes = [
        _episode("1"),
        _episode("2", deal=1),
        _episode("1"),
        _episode("2", deal=1),
        _episode("1", digits=3),
        _episode("9", digits=3),
    ]
    assert _paid(episodes) == [1.0, 1.0, 1.0, 1.0, None, None]


def test_the_games_score_is_never_read() -> None:
    assert _paid([_episode("4 2", score=0.0), _episode("4 2", score=0.0), _episode("4 3", score=1.0)], SelfConsistencyScorer(0.6)) == [
        1.0,
        1.0,
        0.0,
    ]


def test_answers_that_are_cut_off_or_no_move_count_against_agreement() -> None:
    bad = [_episode("4 2", is_legal=False), _episode("4 2", is_truncated=True)]
    assert _paid([_episode("4 2"), _episode("4 2"), *bad]) == [None] * 4
    assert _paid([_episode("4 2"), _episode("4 2"), *bad], SelfConsistencyScorer(0.5)) == [1.0, 1.0, 0.0, 0.0]


def test_agreement_on_an_answer_of_another_form_is_not_paid() -> None:
    scorer = SelfConsistencyScorer(0.5, lambda episode, seat: len(episode.turns[seat].reply.split()) == 2)
    assert _paid([_episode("4")] * 3 + [_episode("4 2")], scorer) == [None] * 4
    assert _paid([_episode("4")] + [_episode("4 2")] * 3, scorer) == [0.0, 1.0, 1.0, 1.0]
