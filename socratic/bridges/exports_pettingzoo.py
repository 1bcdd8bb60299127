"""A game as a PettingZoo AEC environment."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Space
from pettingzoo import AECEnv

from socratic.bridges.exports import Export, Places, Seeding, shown
from socratic.bridges.exports_gymnasium import Words
from socratic.errors import GameError
from socratic.game import LiveMatch, Request
from socratic.game.live_match import TURN_LIMIT

Action: TypeAlias = int | str | np.integer


class SeenText(str):
    """What an agent has seen: a text that says its type the way pettingzoo's conformance test asks an array for it."""

    __slots__ = ()
    dtype = np.dtype(str)


class PettingZooGame(AECEnv):  # type: ignore[misc]  # pettingzoo ships no types
    """A game; one agent for each seat, called by the seat's name and number."""

    def __init__(self, export: Export, actions: tuple[str, ...] | Places | None) -> None:
        """Make the spaces; an action is an index into the moves, a place in the question's own list, or a text."""
        super().__init__()
        self.moves = actions if isinstance(actions, tuple) else None
        self._size = actions.size if isinstance(actions, Places) else len(actions or ())
        self._has_numbers = actions is not None
        self.metadata = {"name": export.game.name, "render_modes": ["ansi"], "is_parallelizable": False}
        self.render_mode = None
        self.possible_agents = [f"{name}_{seat}" for seat, name in enumerate(export.game.seats)]
        self.agents = list(self.possible_agents)
        self.observation_spaces = {agent: self._observed_space() for agent in self.possible_agents}
        self.action_spaces = {agent: Discrete(self._size) if self._has_numbers else Words() for agent in self.possible_agents}
        self._export = export
        self._index = {move: index for index, move in enumerate(self.moves or ())}
        self._seeding = Seeding()
        self._match: LiveMatch | None = None

    def observation_space(self, agent: str) -> Space[object]:
        """Return what the agent may see."""
        space: Space[object] = self.observation_spaces[agent]
        return space

    def action_space(self, agent: str) -> Space[object]:
        """Return what the agent may do."""
        space: Space[object] = self.action_spaces[agent]
        return space

    def reset(self, seed: int | None = None, options: Mapping[str, object] | None = None) -> None:
        """Start a match; without a seed, the next after the last one that had a seed."""
        self._match = self._export.start(self._seeding.next(seed))
        self._replies: dict[int, str] = {}
        self.agents = list(self.possible_agents)
        self._skip_agent_selection = None
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self._refresh()

    def step(self, action: Action | None) -> None:
        """Take the selected agent's reply; the match goes on when all that are asked have replied."""
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        match = self.match
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        self._replies[self.possible_agents.index(agent)] = self._word(action)
        if len(self._replies) == len(match.requests()):
            replies, self._replies = self._replies, {}
            self._export.submit(match, replies)
        if match.scores is not None:
            self.rewards = dict(zip(self.agents, match.scores, strict=True))
        self._refresh()
        self._accumulate_rewards()

    def observe(self, agent: str) -> dict[str, object]:
        """Return all that the agent has seen, and which moves it has now."""
        seat = self.possible_agents.index(agent)
        observed: dict[str, object] = {"observation": SeenText(shown(self.match.view(seat)))}
        if self._has_numbers:
            mask = np.zeros(self._size, dtype=np.int8)
            asked = self._asked(seat)
            mask[self._numbers((asked.legal or ()) if asked else ())] = 1
            observed["action_mask"] = mask
        return observed

    def render(self) -> str:
        """Return all that the selected agent has seen."""
        return shown(self.match.view(self.possible_agents.index(self.agent_selection)))

    def close(self) -> None:
        """Do nothing: a match holds no resources."""

    @property
    def match(self) -> LiveMatch:
        """The match being played."""
        if self._match is None:
            raise GameError(f"{self._export.game.name} has no match yet; call reset first")
        return self._match

    def _refresh(self) -> None:
        """Select who replies next, and say what has ended."""
        match = self.match
        is_cut = match.ending == TURN_LIMIT
        self.terminations = dict.fromkeys(self.agents, match.done and not is_cut)
        self.truncations = dict.fromkeys(self.agents, is_cut)
        self.infos = {agent: self._info(seat) for seat, agent in enumerate(self.possible_agents)}
        waiting = [request.seat for request in match.requests() if request.seat not in self._replies]
        self.agent_selection = self.possible_agents[waiting[0] if waiting else 0]

    def _info(self, seat: int) -> dict[str, object]:
        asked = self._asked(seat)
        info: dict[str, object] = {"legal": list(asked.legal) if asked and asked.legal is not None else None}
        if self.match.done:
            info |= {"ending": self.match.ending, "forfeiter": self.match.forfeiter, **self.match.probes}
        return info

    def _asked(self, seat: int) -> Request | None:
        return next((request for request in self.match.requests() if request.seat == seat and seat not in self._replies), None)

    def _word(self, action: Action | None) -> str:
        if action is None:
            raise GameError(f"{self._export.game.name} got no action from {self.agent_selection}, who is still in the match")
        if isinstance(action, str) or not self._has_numbers:
            return str(action)
        asked = self._asked(self.possible_agents.index(self.agent_selection))
        options = self.moves if self.moves is not None else (asked and asked.legal) or ()
        # A number that stands for nothing is no move, like any other wrong reply.
        return options[int(action)] if 0 <= int(action) < len(options) else f"#{int(action)}"

    def _numbers(self, options: tuple[str, ...]) -> list[int]:
        """Return the numbers of the options that have one."""
        if self.moves is None:
            return list(range(min(len(options), self._size)))
        return [self._index[option] for option in options if option in self._index]

    def _observed_space(self) -> Space[object]:
        spaces: dict[str, Space[object]] = {"observation": Words()}
        if self._has_numbers:
            spaces["action_mask"] = Box(0, 1, (self._size,), np.int8)
        space: Space[object] = Dict(spaces)
        return space
