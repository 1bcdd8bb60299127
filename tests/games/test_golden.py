"""Golden transcripts: a match replayed from its replies is word for word the one that was written down."""

import pytest

from tests.golden.transcripts import FOLDER, MAX_BYTES, built_in_games, load, played_again

GAMES = built_in_games()
WRITTEN = sorted(path.stem for path in FOLDER.glob("*.json"))


def test_every_built_in_game_has_transcripts_and_nothing_else_has() -> None:
    assert sorted(GAMES) == WRITTEN, "run `python -m tests.golden NAME` for a new game, and delete what is left of an old one"


@pytest.mark.parametrize("name", sorted(set(GAMES) & set(WRITTEN)))
def test_a_match_goes_as_it_is_written_down(name: str) -> None:
    for golden in load(name):
        assert played_again(GAMES[name], golden) == golden


@pytest.mark.parametrize("name", sorted(set(GAMES) & set(WRITTEN)))
def test_every_level_is_written_down_with_legal_and_with_illegal_replies(name: str) -> None:
    written = [(golden["params"], golden["illegal_share"] > 0) for golden in load(name)]
    for params in GAMES[name].levels or ({},):
        assert (dict(params), False) in written
        assert (dict(params), True) in written
    assert (FOLDER / f"{name}.json").stat().st_size < MAX_BYTES
