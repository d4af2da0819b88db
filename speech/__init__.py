"""Speech recognition and understanding: from telephone audio or keys to an utterance's meaning."""
