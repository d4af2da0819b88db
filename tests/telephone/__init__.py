"""Tests with real sockets: served lines, whole calls, the carrier's stand-in, real audio through the real model."""
