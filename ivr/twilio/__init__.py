"""Twilio as the carrier: webhooks, TwiML, REST, request signatures and the media socket."""
