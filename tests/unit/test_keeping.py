"""What is kept of a generation's play: the best of it to imitate, pairs to prefer, and SPIN's memory."""

import json

import pytest

from socratic.config import Imitation, Preference
from socratic.learner.keeping import PairMaker, kept_for_imitation
from socratic.records import Trajectory, Turn


def _trajectory(reward: float, *, deal: int = 0, seat: int = 0, reply: int = 1, context: tuple[int, ...] = (7,)) -> Trajectory:
    turn = Turn(
        seat=seat, reply=str(reply), is_legal=True, player="agent", version=0, context_ids=context, token_ids=(reply,), logprobs=(-1.0,)
    )  # fmt: skip
    return Trajectory(game="g", episode_id="e", seat=seat, deal=deal, turns=(turn,), reward=reward, advantages=(0.0,))


def test_the_best_of_each_group_is_kept_and_a_group_of_equals_is_not() -> None:
    played = [_trajectory(r, deal=d) for r, d in [(1, 0), (3, 0), (3, 0), (2, 1), (2, 1), (0, 2), (-1, 2)]]
    assert kept_for_imitation(played, Imitation(keep="best"), 0) == [False, True, True, False, False, True, False]


def test_a_rising_threshold_keeps_less_in_each_epoch() -> None:
    played = [_trajectory(reward) for reward in (0.0, 0.5, 0.8)]
    section = Imitation(keep="above", threshold=(0.0, 0.5, 0.9))
    assert [sum(kept_for_imitation(played, section, epoch)) for epoch in range(4)] == [2, 1, 0, 0]


@pytest.mark.parametrize(
    ("rewards", "share", "kept"),
    [
        ((4, 3, 2, 1), 0.5, [True, True, False, False]),
        ((1, 1, 1, 0), 0.25, [True, True, True, False]),  # ties with the last that is kept stay
        ((1, 0, 0, 0), 0.75, [True, False, False, False]),  # ties that reach down to the worst are no choice
        ((1, 1), 0.5, [False, False]),
    ],
)
def test_the_top_share_of_each_seat_is_kept(rewards: tuple[float, ...], share: float, kept: list[bool]) -> None:
    assert kept_for_imitation([_trajectory(r) for r in rewards], Imitation(keep="top", share=share), 0) == kept


def test_seats_are_not_compared_with_each_other() -> None:
    played = [_trajectory(10, seat=0), _trajectory(9, seat=0), _trajectory(1, seat=1), _trajectory(0, seat=1)]
    assert kept_for_imitation(played, Imitation(keep="top", share=0.5), 0) == [True, False, True, False]


def test_pairs_are_of_replies_with_different_mean_rewards_widest_first() -> None:
    played = [_trajectory(r, reply=reply) for r, reply in [(1.0, 1), (0.0, 1), (0.9, 2), (0.5, 3), (0.5, 3)]]
    # Means: reply 1 .5, reply 2 .9, reply 3 .5: 1 and 3 are alike.
    pairs = PairMaker(Preference(most=5), is_against_best=False).pairs(played)
    assert [(pair.chosen.token_ids, pair.rejected.token_ids) for pair in pairs] == [((2,), (1,)), ((2,), (3,))]
    assert len(PairMaker(Preference(most=1), is_against_best=False).pairs(played)) == 1


def test_groups_are_paired_apart_and_contexts_across_them_where_that_is_wanted() -> None:
    played = [_trajectory(1.0, reply=1, deal=0), _trajectory(0.0, reply=2, deal=1)]
    assert PairMaker(Preference(pairs="group"), is_against_best=False).pairs(played) == []
    assert len(PairMaker(Preference(pairs="context"), is_against_best=False).pairs(played)) == 1
    apart = [_trajectory(1.0, reply=1), _trajectory(0.0, reply=2, context=(8,))]
    assert PairMaker(Preference(pairs="context"), is_against_best=False).pairs(apart) == []


def test_spin_holds_its_replies_against_the_best_that_was_ever_drawn_there() -> None:
    maker = PairMaker(Preference(kind="spin", pairs="context"), is_against_best=True)
    assert maker.pairs([_trajectory(1.0, reply=1)]) == []
    (pair,) = maker.pairs([_trajectory(0.0, reply=2)])
    assert (pair.chosen.token_ids, pair.rejected.token_ids) == ((1,), (2,))
    # A reply that was lucky once falls with its mean: 1 has earned (1 + 0 + 0) / 3 now, 3 earns .5.
    assert maker.pairs([_trajectory(0.0, reply=1), _trajectory(0.0, reply=1), _trajectory(0.5, reply=3)])[0].chosen.token_ids == (3,)


def test_spins_memory_comes_back_from_a_checkpoint() -> None:
    maker, other = (PairMaker(Preference(kind="spin", pairs="context"), is_against_best=True) for _ in range(2))
    maker.pairs([_trajectory(1.0, reply=1), _trajectory(0.2, reply=2)])
    other.restore(json.loads(json.dumps(dict(maker.state()))))
    later = [_trajectory(0.0, reply=5)]
    assert [(p.chosen.token_ids, p.rejected.token_ids) for p in other.pairs(later)] == [((1,), (5,))]
    assert other.state() == _after(maker, later)


def _after(maker: PairMaker, played: list[Trajectory]) -> object:
    maker.pairs(played)
    return maker.state()


def test_a_remembered_reply_brings_no_log_probabilities_of_play() -> None:
    # They are another version's: learned from, they would say that play and learning differ.
    maker = PairMaker(Preference(kind="spin", pairs="context"), is_against_best=True)
    maker.pairs([_trajectory(1.0, reply=1)])
    (pair,) = maker.pairs([_trajectory(0.0, reply=2)])
    assert pair.chosen.logprobs == ()
    assert pair.rejected.logprobs == (-1.0,)
