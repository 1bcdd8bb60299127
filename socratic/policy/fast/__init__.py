"""The fast forward pass: the same log-probabilities as the model's own, with what they need computed once."""
