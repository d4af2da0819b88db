"""Sound of the line: codecs, resampling, voice activity and speech detection."""
