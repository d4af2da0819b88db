"""The telephone line: webhooks and media streams in, TwiML out."""
