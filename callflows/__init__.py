"""The conversation: steps, flows and prompts; knows no telephone, no web framework and no database."""
