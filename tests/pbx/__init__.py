"""Tests with real sockets: served lines, whole calls, the simulator, real audio through the real model."""
