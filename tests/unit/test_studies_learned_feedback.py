"""The study of learned feedback: its intervals, and what it says of an arm."""

from dataclasses import replace

import pytest

from socratic.studies.learned_feedback import ARMS, Row, interval, section_of, verdict_of

ROW = Row(
    arm=ARMS[0],
    at_t0=(1.0, 1.1, 0.9),
    at_end=(0.1, 0.2, 0.0),
    brier=(0.01, 0.02),
    canaries=(0.1,),
    truths=(320.0,),
    quarantined=0,
    seconds=50.0,
)


def test_an_interval_is_students() -> None:
    # Of 1, 2, 3: mean 2, standard deviation 1; t of 2 degrees of freedom is 4.303; 4.303 / sqrt(3) = 2.484.
    found = interval([1.0, 2.0, 3.0])
    assert (found.mean, found.low, found.high) == pytest.approx((2.0, -0.484, 4.484), abs=1e-3)


def test_a_gain_is_paired_by_seed() -> None:
    gain = ROW.gain
    assert (gain.mean, gain.low, gain.high) == pytest.approx((0.9, 0.9, 0.9))


@pytest.mark.parametrize(
    ("at_end", "found"),
    [
        ((0.1, 0.2, 0.0), "improves the truth"),
        ((1.5, 1.6, 1.4), "worsens the truth"),
        ((0.1, 1.9, 0.9), "leaves open"),
        ((0.99, 1.09, 0.89), "random play"),
    ],
)
def test_what_is_said_follows_from_the_interval(at_end: tuple[float, ...], found: str) -> None:
    assert found in verdict_of(replace(ROW, at_end=at_end))


def test_a_quarantined_critic_and_a_failed_run_are_told() -> None:
    section = section_of([replace(ROW, quarantined=2)], {"random-seed1": "no disk"})
    assert "in 2 of 3 runs the critic ended quarantined" in section
    assert "Not finished: random-seed1 (no disk)." in section
    assert "| reward model | 320 | 1.000 | 0.100 [" in section
