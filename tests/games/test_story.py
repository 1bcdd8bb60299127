"""Story: what agrees with the facts, who is asked what, and how rule and critic share the score."""

from collections.abc import Sequence

import numpy as np
import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch, Params, settle
from socratic.game.check import check_game
from socratic.game.tree import enumerate_tree
from socratic.records import Answer, Call, Judgement
from socratic.seeds import Seed
from socratic_games.story import PEOPLE, PLACES, agrees, claims, story
from tests.games.critics import Lettered, Literal, random_match

FACTS = {"ann": "garden", "bob": "kitchen"}


class Truthful:
    """Finds in each sentence what it says."""

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        return [self._one(call) for call in calls if isinstance(call, Judgement)]

    def _one(self, call: Judgement) -> tuple[float, ...]:
        person = call.question.removeprefix("Where does the sentence say that ").split()[0]
        place = claims(call.evidence, PEOPLE, call.options[:-1])[person]
        return tuple(float(option == place) for option in call.options)


LINES = (
    *[f"{person} is in the {place}" for person in PEOPLE[:4] for place in PLACES[:2]],
    *[f"{person} is not in the {PLACES[0]}" for person in PEOPLE[:2]],
    "ann and bob are in the garden",
    "ann is in the garden and bob is in the kitchen",
    "the kitchen holds bob and cid",
    "ann is in the garden or the kitchen",
    "ann is here",
    "good day",
)


def _match(places: Sequence[str], params: Params) -> LiveMatch:
    """Return a match in which the people are in these places."""
    for seed in range(5000):
        match = LiveMatch(story, params, Seed(seed))
        facts = match.truths["facts"]
        assert isinstance(facts, dict)
        if list(facts.values()) == list(places):
            return match
    raise AssertionError(f"no seed puts people in {places}")


@pytest.mark.parametrize(
    ("sentence", "does"),
    [
        ("ann is in the garden", True),
        ("The kitchen: it holds BOB.", True),
        ("ann is in the kitchen", False),
        ("ann is in the garden or the kitchen", False),
        ("ann and bob are in the garden", False),
        ("ann is in the garden and bob is in the kitchen", True),
        ("ann is in the garden and bob is in the garden", False),
        ("ann is in the kitchen and bob is in the kitchen", False),
        ("the garden has ann, the kitchen bob", True),
        ("the garden has ann, bob is in the kitchen", False),
        ("bob said ann is in the garden", False),
        ("ann is in the garden, and again ann is in the kitchen", False),
        ("ann is not in the garden", False),
        ("ann is not in the kitchen", False),
        ("ann isn't in the garden", False),
        ("ann isn\u2019t in the garden", False),
        ("bob is in the kitchen, not in the garden", False),
        ("ann knows the garden", True),
        ("the garden is lovely", False),
        ("ann went away", False),
        ("cid is in the garden", False),
        ("", False),
    ],
)
def test_a_sentence_agrees_if_it_says_where_somebody_is_and_all_of_it_is_so(sentence: str, does: bool) -> None:
    assert agrees(sentence, FACTS) is does


def test_the_optimum_is_told_and_believed_and_chance_is_a_place_in_all() -> None:
    tree = enumerate_tree(story)
    assert tree.num_leaves == 4**6
    assert tree.values(tree.uniform()) == pytest.approx((0.25, 0.25))
    rows = []
    for state in tree.information_states:
        texts = [line.text for line in state.view]
        heard = next((text.split()[-1] for text in reversed(texts) if " is in the " in text), "")
        word = heard if texts[-1].startswith("Where") else texts[-1].split()[-1]
        rows.append(np.eye(len(state.legal))[state.legal.index(word)])
    assert tree.values(rows) == pytest.approx((1, 1))
    assert story.best_score() == 1
    # Whoever believes nothing still gets the half for what is true, and a place by chance.
    half = [row if "Tell" in state.view[-1].text else np.full(4, 0.25) for state, row in zip(tree.information_states, rows, strict=True)]
    assert tree.values(half) == pytest.approx((0.625, 0.625))


def test_too_few_sentences_or_a_critic_leave_the_optimum_open() -> None:
    assert story.best_score({"known": 3, "sentences": 3, "free": True}) == 1
    assert story.best_score({"known": 3, "sentences": 2}) is None
    assert story.best_score({"judged": True}) is None


@pytest.mark.parametrize(
    ("told", "answers", "score"),
    [
        (("garden", "kitchen"), ("kitchen", "garden"), 1.0),
        (("garden", "garden"), ("kitchen", "garden"), 0.75),
        (("kitchen", "kitchen"), ("kitchen", "garden"), 0.75),
        (("garden", "kitchen"), ("garden", "garden"), 0.75),
        (("garden", "kitchen"), ("kitchen", "cellar"), 0.75),
        (("garden", "kitchen"), ("garden", "kitchen"), 0.5),
        (("kitchen", "garden"), ("garden", "kitchen"), 0.0),
    ],
)
def test_truth_and_right_answers_are_half_the_score_each(told: tuple[str, str], answers: tuple[str, str], score: float) -> None:
    match = _match(("garden", "kitchen"), {})
    match.submit({0: told[0]})
    match.submit({1: told[1]})
    assert [request.prompt for request in match.requests()] == ["Where is bob", "Where is ann"]
    match.submit(dict(enumerate(answers)))
    assert match.scores == pytest.approx((score, score))
    exact = ((told[0] == "garden") + (told[1] == "kitchen")) / 2
    assert match.truths["exact"] == match.probes["exact"] == exact
    assert match.probes["right"] == 2 * score - exact
    assert "critic" not in match.probes


def test_with_several_people_each_is_told_of_and_asked_after() -> None:
    match = _match(("garden", "kitchen", "attic", "cellar"), {"known": 2, "sentences": 2})
    (first,) = match.requests()
    assert (first.seat, first.prompt) == (0, "Tell: ann garden bob kitchen")
    assert first.legal is not None
    assert len(first.legal) == 8
    assert {option.split()[0] for option in first.legal} == {"ann", "bob"}
    assert {option.split()[-1] for option in first.legal} == {"garden", "kitchen", "cellar", "attic"}
    for seat, sentence in enumerate(("ann is in the garden", "cid is in the attic", "bob is in the garden", "dan is in the cellar")):
        match.submit({seat % 2: sentence})
        if match.requests()[0].prompt.startswith("Tell"):
            assert match.view(1 - seat % 2)[-2].text == sentence
            assert match.requests()[0].seat == 1 - seat % 2
    assert [request.prompt for request in match.requests()] == ["Where is cid", "Where is ann"]
    match.submit({0: "attic", 1: "garden"})
    assert [request.prompt for request in match.requests()] == ["Where is dan", "Where is bob"]
    match.submit({0: "garden", 1: "garden"})
    assert dict(match.probes) == {"right": 0.5, "exact": 0.75}
    assert match.scores == pytest.approx((0.625, 0.625))


def test_a_critic_takes_the_place_of_the_rule_over_the_same_words() -> None:
    match = _match(("garden", "kitchen"), {"free": True, "judged": True})
    assert (match.requests()[0].prompt, match.requests()[0].legal) == ("Tell: ann garden", None)
    match.submit({0: "Ann likes the garden."})
    match.submit({1: "no"})
    match.submit({0: "kitchen", 1: "attic"})
    assert isinstance(match.call, Judgement)
    assert match.call.options == ("garden", "kitchen", "cellar", "attic", "unsaid")
    assert match.call.evidence == "Ann likes the garden."
    assert match.call.question.startswith("Where does the sentence say that ann is? ")
    match.answer((0.9, 0.1, 0.0, 0.0, 0.0))
    # The other sentence names nobody: nothing is asked of it, and it is no true one.
    assert match.scores == pytest.approx(((0.5 + 0.45) / 2,) * 2)
    assert dict(match.probes) == {"right": 0.5, "exact": 0.5, "critic": pytest.approx(0.45)}
    assert match.truths["exact"] == 0.5


def test_of_a_sentence_about_two_a_critic_is_asked_of_each() -> None:
    match = _match(("garden", "kitchen"), {"free": True, "judged": True})
    match.submit({0: "ann is in the garden and bob is in the kitchen"})
    match.submit({1: "bob is in the attic"})
    match.submit({0: "kitchen", 1: "garden"})
    asked = []
    while isinstance(match.call, Judgement):
        asked.append(match.call.question.split()[6])
        match.answer((0.5, 0.5, 0.0, 0.0, 0.0))
    assert asked == ["ann", "bob", "bob"]
    assert match.probes["critic"] == pytest.approx((0.5 * 0.5 + 0.5) / 2)
    assert match.probes["exact"] == 0.5


@pytest.mark.parametrize("params", [story.levels[0], story.levels[1], {**story.levels[3], "known": 2, "places": 4}])
def test_a_critic_that_is_right_scores_as_the_rule_does(params: Params) -> None:
    for key in range(20):
        judged = random_match(story, {**params, "judged": True}, key, Truthful(), LINES)
        twin = random_match(story, dict(params), key, Truthful(), LINES)
        assert judged.probes["critic"] == pytest.approx(judged.probes["exact"])
        assert twin.probes["exact"] == judged.probes["exact"]
        assert judged.scores == pytest.approx(twin.scores)


def test_a_critic_that_counts_words_tells_a_true_sentence_from_another() -> None:
    believed = {}
    for told in ("garden", "attic"):
        match = _match(("garden", "kitchen"), {"judged": True})
        match.submit({0: told})
        match.submit({1: "kitchen"})
        match.submit({0: "kitchen", 1: "garden"})
        settle([match], Literal())
        believed[told] = match.probes["critic"]
    # Four places and unsaid, in mentions and one more each: 2 of 6 for what is said, 1 of 6 for another.
    assert believed == pytest.approx({"garden": 1 / 3, "attic": (1 / 6 + 1 / 3) / 2})


def test_who_tells_freely_is_told_what_counts_as_true() -> None:
    assert len(LiveMatch(story, {}, Seed(0)).view(0)) == 2
    told = LiveMatch(story, {"free": True}, Seed(0)).view(0)[1].text
    assert told == "A sentence is true if it says where somebody is and all that it says is so; one that denies counts as false."


def test_it_says_what_its_players_need_in_few_words() -> None:
    match = _match(("garden", "kitchen"), {})
    assert [line.text for line in match.view(0)] == ["Tell where your people are, then say where theirs are.", "Tell: ann garden"]
    match.submit({0: "cellar"})
    match.submit({1: "attic"})
    assert [line.text for line in match.view(1)] == [
        "Tell where your people are, then say where theirs are.",
        "ann is in the cellar",
        "Tell: bob kitchen",
        "attic",
        "Where is ann",
    ]


@pytest.mark.parametrize("params", [{"known": 0}, {"known": 4}, {"sentences": 0}, {"sentences": 51}, {"places": 1}, {"places": 9}])
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="story: .*expected"):
        LiveMatch(story, params, Seed(0))
    with pytest.raises(ConfigError, match="story: .*expected"):
        story.best_score(params)


def test_the_smallest_and_largest_games_that_are_allowed_can_be_played() -> None:
    for params in ({"places": 2}, {"known": 3, "sentences": 50, "places": 8}):
        assert LiveMatch(story, params, Seed(0)).requests()


@pytest.mark.parametrize("params", [{}, story.levels[1], {"free": True, "judged": True}])
def test_it_keeps_the_contract(params: Params) -> None:
    report = check_game(story, params, clerk=Lettered())
    assert report.passed, report.findings


def test_a_sentence_is_one_line_whatever_ends_it() -> None:
    match = LiveMatch(story, {"free": True}, Seed(0))
    assert match.submit({0: "ann is in the hall\u2028bob is in the hall"}) == {0}
    assert match.ending == "forfeit"
