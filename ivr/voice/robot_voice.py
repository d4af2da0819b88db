"""The voice for what the pack does not have: espeak-ng's where it is installed, or else a tone."""

from __future__ import annotations

import shutil
import subprocess
from functools import lru_cache
from typing import Final

import numpy as np
import structlog

from speech.sound.audio import LINE_RATE, Samples, read_wav

PROGRAM: Final = "espeak-ng"
WORDS_A_MINUTE: Final = 160
TIMEOUT_S: Final = 10
TONE_HZ: Final = 440
TONE_S: Final = 0.4

log = structlog.get_logger(__name__)


def is_installed() -> bool:
    """True if there is more than a tone."""
    return shutil.which(PROGRAM) is not None


def robot_voice(text: str) -> Samples:
    """The text said by espeak-ng at 8 kHz; a soft tone if that is not installed, or fails."""
    program = shutil.which(PROGRAM)
    if program is None:
        return tone()
    # The text goes in as input: as an argument, one that begins with a dash would be taken for an option.
    command = [program, "-v", "cmn", "-s", str(WORDS_A_MINUTE), "-b", "1", "--stdin", "--stdout"]
    try:
        run = subprocess.run(command, input=text.encode(), capture_output=True, timeout=TIMEOUT_S, check=True)
        return read_wav(run.stdout, LINE_RATE)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        log.warning("the robot voice could not say a text", characters=len(text), error=str(error))
        return tone()


@lru_cache(maxsize=1)
def tone() -> Samples:
    """A soft tone, which says that something would have been said."""
    moments = np.arange(int(TONE_S * LINE_RATE)) / LINE_RATE
    fade = np.minimum(1, np.minimum(moments, TONE_S - moments) / 0.03)
    sound: Samples = (4_000 * fade * np.sin(2 * np.pi * TONE_HZ * moments)).astype(np.int16)
    return sound
