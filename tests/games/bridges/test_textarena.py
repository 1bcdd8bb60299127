"""TextArena's games as ours. Skipped where it is not installed."""

import json
import random
import sys
from random import getstate

import pytest

from socratic.bridges.textarena import load
from socratic.bridges.textarena_arena import Arena, registry
from socratic.errors import ConfigError, IllegalMove, UnknownGame
from socratic.game import LiveMatch
from socratic.game.check import check_game
from socratic.game.random_play import played, random_replies
from socratic.seeds import Seed
from socratic_games.kuhn_poker import kuhn_poker

textarena = pytest.importorskip("textarena", reason="needs the extra `textarena`")
nltk = pytest.importorskip("nltk", reason="comes with TextArena")

KUHN = "KuhnPoker-v0-raw"
# Board, cards, words from nltk's list, numpy's generator, more than two seats, roles read from a folder.
MIXED = ("Nim-v0-raw", KUHN, "WordChains-v0-raw", "SpellingBee-v0-raw", "SecretMafia-v0-raw", "TwoDollar-v0-raw", "Wordle-v0-raw")


@pytest.fixture
def words_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be asked of nltk: its download would need the network."""

    def refuse(*names: object, **options: object) -> None:
        raise AssertionError(f"nltk.download({names}, {options})")

    monkeypatch.setattr(nltk, "download", refuse)


def _said(match: LiveMatch, *replies: str) -> LiveMatch:
    for reply in replies:
        match.submit({match.requests()[0].seat: reply})
    return match


def _told(match: LiveMatch, seat: int) -> str:
    return "\n".join(line.text for line in match.view(seat))


@pytest.mark.parametrize("name", ["Nim-v0-raw", "LiarsDice-v0-small-raw(players=3)", "Mastermind-v0-raw"])
def test_it_keeps_the_contract(name: str) -> None:
    report = check_game(load(name), seeds=range(3))
    assert report.passed, [finding for finding in report.findings if not finding.passed]


def test_a_game_is_won_by_textarenas_rules() -> None:
    # Whoever takes the last of 3, 4 and 5 wins.
    match = _said(LiveMatch(load("Nim-v0-raw"), None, Seed(0)), "[0 3]", "[1 4]", "[2 5]")
    assert (match.ending, match.scores) == ("finished", (1.0, -1.0))


def test_textarenas_own_rule_for_illegal_moves_applies() -> None:
    match = LiveMatch(load("Nim-v0-raw"), None, Seed(0))
    assert match.submit({0: "I take all"}) == frozenset()
    (request,) = match.requests()
    assert request.seat == 0
    assert "attempted an invalid move" in _told(match, 0)
    match.submit({0: "I take all"})
    assert (match.ending, match.scores) == ("finished", (-1.0, 1.0))


def test_interleaved_matches_come_out_as_alone() -> None:
    games = [load(name) for name in MIXED]
    alone = [played(game, {}, seed).digest() for game in games for seed in (0, 1)]
    matches = [LiveMatch(game, {}, Seed(seed), retries=13) for game in games for seed in (0, 1)]
    seeds = [seed for _ in games for seed in (0, 1)]
    while not all(match.done for match in matches):
        for match, seed in zip(matches, seeds, strict=True):
            if not match.done:
                match.submit(random_replies(match, seed, 0.0))
    assert [match.digest() for match in matches] == alone
    assert len(set(alone)) == len(alone)


@pytest.mark.parametrize("name", MIXED)
def test_a_saved_match_loads_and_forks_to_the_same(name: str) -> None:
    match = played(load(name), {}, 3)
    saved = json.loads(json.dumps(match.save()))
    assert LiveMatch.load(load(name), saved).digest() == match.digest()
    assert match.fork().digest() == match.digest()


def test_textarena_seeds_the_global_generator_and_the_bridge_leaves_it_alone() -> None:
    from numpy.random import get_state  # noqa: TID251  (to see that it does not move)

    own = getstate()
    before = own, str(get_state())
    played(load(KUHN), {}, 0)
    played(load("SpellingBee-v0-raw"), {}, 0)
    assert (getstate(), str(get_state())) == before
    # Without the bridge: whoever else draws from it draws the same after every reset.
    theirs = textarena.make(KUHN)
    try:
        theirs.reset(num_players=2, seed=5)
        first = getstate()
        theirs.reset(num_players=2, seed=5)
        assert getstate() == first != own
    finally:
        random.setstate(own)  # noqa: TID251  (to put it back as it was)


def test_textarena_counts_kuhn_poker_wrongly_a_bet_and_a_call_move_no_chip() -> None:
    """TextArena 0.6.9 to 0.7.4: after bet and call the loser has paid its ante of 1 and not 2; after a fold it is even right.

    Its prompt says that a bet adds a chip to the pot. Ours moves it: bet and call are worth 2, as in Kuhn's game.
    """
    match = _said(LiveMatch(load(KUHN), None, Seed(0)), "[bet]", "[call]")
    told = _told(match, 0)
    assert "'[bet]': Add 1 chip to the pot" in told
    assert "wins pot of 2 chips" in told
    assert "Player 0: '1'; Player 1: '-1'" in told or "Player 0: '-1'; Player 1: '1'" in told
    ours = LiveMatch(kuhn_poker, None, Seed(0))
    for word in ("bet", "bet"):
        ours.submit({ours.requests()[0].seat: word})
    assert sorted(ours.scores or ()) == [-2.0, 2.0]


@pytest.mark.parametrize(
    ("name", "reason"), [("Nimm-v0-raw", "did you mean textarena:Nim-v0-raw"), ("xx", "has no game 'xx'; it has [0-9]+ others")]
)
def test_an_unknown_game_names_the_nearest_where_one_is_near(name: str, reason: str) -> None:
    with pytest.raises(UnknownGame, match=reason):
        load(name)


def test_a_game_that_does_not_start_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(arena: object) -> None:
        while True:
            pass

    monkeypatch.setattr("socratic.bridges.textarena._try", endless)
    monkeypatch.setattr("socratic.bridges.textarena.START_LIMIT_S", 0.2)
    with pytest.raises(ConfigError, match="takes more than 0.2 s to start"):
        load("Nim-v0-raw")


@pytest.mark.parametrize("name", ["TwentyQuestions-v0-raw", "GuessWho-v0-raw", "Debate-v0-raw", "ScenarioPlanning-v0-raw"])
def test_a_game_that_asks_a_model_over_the_network_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"textarena:{name} sends what players write to a model over the network"):
        load(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("UsedCar-v0-balanced-raw", "comes without a part of it"),
        ("UsedCarNegotiation-v0-raw", "reads a file that TextArena .* comes without"),
        ("CharacterConclave-v0-raw", "fails on every reply: TypeError"),
        ("Klondike-v0-raw", "is not written in Python"),
        ("Nim-v0", "take textarena:Nim-v0-raw"),
        ("Sokoban-v0-raw", "searches for a level by trial"),
        ("Nim-v0-raw(players=3)", "does not start with 3 players: The number of players has to be 2"),
        ("Nim-v0-raw(seats=2)", "expected the name of a game"),
    ],
)
def test_a_game_that_cannot_be_played_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load(name)


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.cache_clear()
    for module in [name for name in sys.modules if name.split(".")[0] == "textarena"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "textarena", None)
    with pytest.raises(ConfigError, match=r"pip install 'socratic-loop\[textarena\]'"):
        load("Nim-v0-raw")


@pytest.mark.usefixtures("words_unread")
@pytest.mark.parametrize("name", ["Hangman-v0-raw", "Wordle-v0-raw", "WordSearch-v0-raw", "DontSayIt-v0-raw", "Codenames-v0-raw"])
def test_words_come_from_textarenas_own_dictionary(name: str) -> None:
    assert played(load(name), {}, 1).done


def test_nltk_itself_is_left_alone() -> None:
    load("Hangman-v0-raw")
    assert sys.modules["nltk"] is nltk
    assert nltk.__name__ == "nltk"
    assert hasattr(nltk, "__version__")


def test_the_number_of_seats_is_the_smallest_or_as_asked() -> None:
    seats: dict[str, int] = {
        name: len(load(name).seats) for name in ("Wordle-v0-raw", "Nim-v0-raw", "Codenames-v0-raw", "SecretMafia-v0-raw")
    }
    assert list(seats.values()) == [1, 2, 4, 6]
    assert len(load("Snake-v0-raw(players=5)").seats) == 5


def test_a_reply_that_textarena_fails_on_is_an_illegal_move_and_changes_nothing() -> None:
    arena, twin = (Arena("TicTacToe-v0-raw", 2, 0) for _ in range(2))
    for each in (arena, twin):
        each.turn()
        each.step("[4]")
        each.turn()
    with pytest.raises(IllegalMove, match=r"The game fails on this reply \(ValueError\)"):
        # More digits than Python makes a number of.
        arena.step(f"[{'9' * 5000}]")
    for each in (arena, twin):
        each.step("[0]")
    assert arena.turn() == twin.turn()


def test_a_reward_that_is_a_text_is_a_loss() -> None:
    match = _said(LiveMatch(load("Countdown-v0-raw"), None, Seed(0)), "nonsense", "nonsense")
    assert (match.ending, match.scores) == ("finished", (-1.0,))


def test_a_game_that_looks_for_the_next_player_when_all_are_eliminated_does_not_hang() -> None:
    match = LiveMatch(load("PublicGoodsGame-v0-raw"), None, Seed(0), max_turns=200)
    while not match.done:
        seat = match.requests()[0].seat
        # An eliminated player is asked again, and a number that is one passes the turn on.
        match.submit({seat: "[5]" if f"Player {seat} eliminated" in _told(match, seat) else "[99999]"})
    assert match.ending == "forfeit"


def test_an_eliminated_player_is_ranked_once() -> None:
    match = LiveMatch(load("Poker-v0-small-raw"), None, Seed(0), max_turns=200)
    while not match.done:
        match.submit({match.requests()[0].seat: "nonsense"})
    assert match.scores is not None
    assert all(-1 <= score <= 1 for score in match.scores)


def test_a_seat_hears_the_others_by_name_and_itself_once() -> None:
    match = LiveMatch(load("DontSayIt-v0-raw"), None, Seed(0))
    match.submit({0: "good morning"})
    assert match.requests()[0].prompt == "[Player 0] good morning"
    match.submit({1: "good evening"})
    assert [line.text for line in match.view(0)][1:] == ["good morning", "[Player 1] good evening"]


def test_the_version_tells_names_apart_and_holds_still() -> None:
    assert load("Nim-v0-raw").version == load("Nim-v0-raw").version != load("Nim-v0-medium-raw").version
