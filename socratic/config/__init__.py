"""Everything a run can be told, as typed sections; TOML files composed left to right, then `key=value` overrides."""

from socratic.config.feedback import FeedbackSection, JudgeModel, Measure, Panel, RewardModelSection
from socratic.config.learning import Gradient, Imitation, LeagueSection, LearnerSection, Objective, Preference, ValueHead
from socratic.config.loading import load_config, make_config
from socratic.config.sections import (
    CheckpointSection,
    Config,
    GameSection,
    Lora,
    ObserverSection,
    PlaySection,
    PolicySection,
    RaySection,
    RecordSection,
    TrackerSection,
    WarmUp,
)
from socratic.config.serving import SERVER_KEY, ServerSection

__all__ = [
    "SERVER_KEY",
    "CheckpointSection",
    "Config",
    "FeedbackSection",
    "GameSection",
    "Gradient",
    "Imitation",
    "JudgeModel",
    "LeagueSection",
    "LearnerSection",
    "Lora",
    "Measure",
    "Objective",
    "ObserverSection",
    "Panel",
    "PlaySection",
    "PolicySection",
    "Preference",
    "RaySection",
    "RecordSection",
    "RewardModelSection",
    "ServerSection",
    "TrackerSection",
    "ValueHead",
    "WarmUp",
    "load_config",
    "make_config",
]
