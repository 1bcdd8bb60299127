"""The Transformer under the agent: chat, tokens, weights and the engine that draws replies."""
