"""A vLLM server as an engine: asked over HTTP, in token ids, with the trained weights as adapters; vLLM itself is never imported."""
