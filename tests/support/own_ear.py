"""The line's own ear, for what the line itself has said."""

from __future__ import annotations

from brand_catalog.importing import read_catalog_file
from speech.decoding import decode
from speech.listening import Items
from speech.sound.audio import decode_mulaw
from speech.stream_recogniser import speech_segment
from speech.utterance import Utterance
from tests.support.recorded_callers import AUDIO, DEMO, demo_understanding, line_noise, speech_model

# A small pack of real sounds, with the lines of this read-back.
PACK = AUDIO / "voice"
READ_BACK = {"红塔山硬经典，五条。": ("红塔山(硬经典)", 5), "玉溪软，两条。": ("玉溪(软)", 2)}

_SPECS = read_catalog_file(DEMO / "catalog.csv", DEMO / "aliases.csv").specs


def understood(mulaw: bytes) -> Utterance:
    """The utterance that a step listening for items understands of this sound, 8 kHz mu-law, on a line with some
    noise."""
    said = line_noise(400) + mulaw + line_noise(400)
    return decode(speech_model(), demo_understanding(), Items(), speech_segment(decode_mulaw(said)))


def assert_is_line(utterance: Utterance, name: str, cartons: int) -> None:
    """Check that one line of an order was understood: this spec, or a question between specs of which it is one, and so
    many cartons."""
    [item] = utterance.items
    assert name in {_SPECS[barcode].name for barcode in item.barcodes}
    assert item.quantity is not None
    assert item.quantity.halves == 2 * cartons
