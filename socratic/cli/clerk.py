"""Who answers, at the command line, what a game asks of a critic or of the sandbox."""

from socratic.critics.scripted import LiteralCritic
from socratic.game import Clerk
from socratic.play.clerk import PlayClerk


def standard_clerk() -> Clerk:
    """Return a clerk that needs no model: programs run in the sandbox, judgements are left to the literal critic."""
    return PlayClerk(LiteralCritic())
