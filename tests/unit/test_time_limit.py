"""A limit on the time of somebody else's code: what rings late does no harm."""

import signal

import pytest

from socratic.game.time_limit import _Watch, time_limit


def test_a_bell_that_is_heard_when_all_is_over_sets_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The alarm may be delivered between the body's end and the handler's: a timer set then would end the process."""
    end = _Watch.end

    def heard_late(self: _Watch) -> None:
        end(self)
        self.ring(signal.SIGALRM, None)

    monkeypatch.setattr(_Watch, "end", heard_late)
    with time_limit(86_400.0):
        pass
    assert signal.getitimer(signal.ITIMER_REAL)[0] < 3600.0  # what the test's own limit may have set
