"""The observer: the truth about a copy of the agent, told to nobody inside."""
