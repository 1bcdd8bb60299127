"""The agent as the loop knows it: a version, and how new weights reach everything that plays."""

import time
from collections.abc import Callable, Mapping, Sequence

from socratic.errors import SyncError
from socratic.play.league import player_of
from socratic.play.rollout import BlockRollout
from socratic.protocols import League, Weights
from socratic.records import Metrics, Update, Verdict


class PublishedAgent:
    """Hands the learner's weights to the rollout, and copies of them to whoever may look."""

    def __init__(
        self, live: Callable[[], Weights], t0: Callable[[], Weights], rollout: BlockRollout, league: League, seated: Sequence[str]
    ) -> None:
        """Publish what `live` returns; t0 is the first version that the league is offered.

        Args:
            live: the learner's weights.
            t0: the weights as they were when the system was closed.
            rollout: what plays.
            league: what keeps past versions.
            seated: players by weights other than the agent's that the line-ups seat ("t0").
        """
        self._live = live
        self._t0 = t0
        self._rollout = rollout
        self._league = league
        self._seated = seated
        self._weights = live()
        self._past: tuple[str, ...] | None = None  # the fingerprints of the kept versions that were sent
        league.keep(-1, t0())
        self._send()

    @property
    def version(self) -> int:
        """The version that plays what is started now."""
        return self._weights.version

    def publish(self, index: int, update: Update, verdict: Verdict) -> Metrics:
        """Send the learner's new weights to the rollout, and offer them to the league.

        Raises:
            SyncError: what the learner holds is not what it said it learned.
        """
        del verdict
        start = time.perf_counter()
        self._weights = self._live()
        if self._weights.fingerprint != update.fingerprint:
            raise SyncError(
                f"version {update.version} was learned as {update.fingerprint[:12]} and is published as "
                f"{self._weights.fingerprint[:12]}; resume the run from its last checkpoint"
            )
        self._league.keep(index, self._weights)
        self._send()
        return {
            "sync/version": self._weights.version,
            "sync/fingerprint_ok": 1.0,
            "sync/seconds": time.perf_counter() - start,
        }

    def weights(self) -> Weights:
        """Return the published weights."""
        return self._weights

    def t0(self) -> Weights:
        """Return the weights as they were when the system was closed."""
        return self._t0()

    def past(self) -> Mapping[int, Weights]:
        """Return the versions that the league keeps."""
        return self._league.pool()

    def resend(self) -> None:
        """Publish what the learner holds now, and have what was in flight played again: after a checkpoint was loaded."""
        self._weights = self._live()
        self._send()
        self._rollout.play_again()

    def _send(self) -> None:
        seated = {"t0": self._t0()} if "t0" in self._seated else {}
        self._rollout.sync({"agent": self._weights, **seated})
        pool = self._league.pool()
        sent = tuple(weights.fingerprint for weights in pool.values())
        if sent != self._past:
            self._rollout.sync_past({player_of(version): weights for version, weights in pool.items()})
            self._past = sent
