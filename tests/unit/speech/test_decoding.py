"""Decoding with a fake recogniser: an utterance is accepted, confirmed by a question, or rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from speech.decoding import decide_utterance
from speech.grammars.vocabulary import UnsayableError, Vocabulary
from speech.hypotheses import Hypothesis, from_vosk
from speech.listening import Items, Listen, SpecHistory, YesNo
from speech.rejection import Evidence, acceptance_of
from speech.understanding import Understanding
from speech.utterance import Command, Quantity
from tests.unit.speech.test_understanding import CATALOG, CODES, lines

UNDERSTANDING = Understanding(CATALOG, Vocabulary(lambda word: len(word) == 1))


class Sound:
    """A stretch of speech: the score of each sentence on it. `garbage` is the garbage model's result and score."""

    def __init__(self, sentences: dict[str, float], garbage: tuple[str, float]) -> None:
        self.sentences = sentences
        self.garbage = garbage
        self.grammars: list[Sequence[str]] = []

    def listen_again(self, grammar: Sequence[str], _alternatives: int, _once: bool) -> list[Hypothesis]:
        self.grammars.append(grammar)
        if grammar == UNDERSTANDING.garbage_model():
            return [Hypothesis(*self.garbage)]
        found = [
            Hypothesis(" ".join(text), score) for text, score in self.sentences.items() if " ".join(text) in grammar
        ]
        return sorted(found, key=lambda hypothesis: -hypothesis.score)

    def heard(self, listen: Listen) -> list[Hypothesis]:
        return [Hypothesis(" ".join(text), score) for text, score in self.sentences.items()]


def decided(sound: Sound, listen: Listen | None = None):  # type: ignore[no-untyped-def]
    listen = listen or Items()
    return decide_utterance(UNDERSTANDING, listen, sound.heard(listen), sound.listen_again).utterance


def test_what_fits_the_sound_is_accepted() -> None:
    heard = decided(Sound({"玉溪软五条": 100.0}, ("玉 溪 软 五 条", 70.0)))
    assert lines(heard) == [("add", ("玉溪(软)",), 5)]
    assert not heard.confirm


def test_what_fits_no_better_than_bare_syllables_is_rejected() -> None:
    assert decided(Sound({"玉溪软五条": 100.0}, ("今 天 天 气 不 错", 101.0))).is_nothing


def test_a_result_of_the_garbage_model_is_taken_as_it_is() -> None:
    sound = Sound({"玉溪软五条": 100.0}, ("玉 溪 软 五 条", 70.0))
    garbage = [Hypothesis("今 天 天 气 不 错", 101.0)]
    decision = decide_utterance(UNDERSTANDING, Items(), sound.heard(Items()), sound.listen_again, garbage)
    assert decision.utterance.is_nothing
    assert UNDERSTANDING.garbage_model() not in sound.grammars


def test_two_quantities_that_fit_equally_are_asked_about() -> None:
    heard = decided(Sound({"玉溪软四条": 100.0, "玉溪软十条": 99.8}, ("玉 溪 软 十 条", 80.0)))
    assert heard.confirm or heard.is_nothing


def test_a_yes_is_believed_more_readily_after_a_question() -> None:
    sound = Sound({"对": 20.0}, ("堆", 17.5))
    assert decided(sound, YesNo()).confidence > decided(sound, Items()).confidence


def test_a_command_is_believed_more_readily_the_less_it_does() -> None:
    def verdict(fit: float, command: Command) -> str:
        return acceptance_of(Evidence(fit, 1.0, 0.0, 0.0, 0, 1, nameless=False, command=command))

    unlikely, likely = 1.8, 3.2
    assert [verdict(unlikely, command) for command in ("yes", "done", "operator")] == ["accept", "reject", "reject"]
    assert [verdict(2.7, command) for command in ("done", "operator", "usual")] == ["accept", "confirm", "confirm"]
    assert [verdict(likely + 1, command) for command in ("operator", "usual")] == ["accept", "accept"]


def test_a_yes_to_a_question_is_taken_only_if_nearly_certain() -> None:
    sure = Evidence(3.0, 1.0, 0.0, 0.3, 0, 1, nameless=False, command="yes", expected=True)
    assert acceptance_of(sure) == "accept"
    assert acceptance_of(replace(sure, fit=0.1)) == "confirm"
    # As good a fit, but a no is not far behind.
    assert acceptance_of(replace(sure, posterior=0.8, rival=0.2)) == "confirm"
    assert acceptance_of(replace(sure, fit=-2.0, garbage_distance=0.8)) == "reject"


def test_a_no_to_a_question_is_taken_more_readily_than_a_yes() -> None:
    no = Evidence(0.5, 0.8, 0.0, 0.3, 0, 1, nameless=False, command="no", expected=True, rival=0.2)
    assert acceptance_of(no) == "accept"
    assert acceptance_of(replace(no, command="yes")) == "confirm"


def test_a_name_alone_is_asked_about_where_a_line_would_be_rejected() -> None:
    line = Evidence(4.0, 1.0, 0.0, 0.5, 0, 2, nameless=False)
    assert acceptance_of(line) == "reject"
    assert acceptance_of(replace(line, open=True)) == "confirm"


def test_a_spec_this_retailer_may_not_order_is_recognised_as_itself() -> None:
    sound = Sound({"玉溪软五条": 100.0}, ("玉 溪 软 五 条", 70.0))
    assert lines(decided(sound, Items((CODES["云烟(紫)"],)))) == [("add", ("玉溪(软)",), 5)]


def test_of_two_specs_that_fit_alike_the_one_on_the_list_is_taken() -> None:
    sound = Sound({"玉溪软五条": 100.0, "玉溪硬五条": 100.2}, ("玉 溪 软 五 条", 70.0))
    listen = Items((CODES["玉溪(软)"], CODES["云烟(紫)"]))
    assert lines(decided(sound, listen))[0][1][0] == "玉溪(软)"


def test_all_callers_share_one_grammar() -> None:
    one, other = Items((CODES["云烟(紫)"],)), Items((CODES["玉溪(软)"],), usual=(CODES["玉溪(软)"],))
    assert UNDERSTANDING.grammar(one) is UNDERSTANDING.grammar(other)


def test_alternatives_of_vosk_are_read_best_first() -> None:
    result = '{"alternatives": [{"confidence": 2.5, "text": "玉 溪 [unk] 五"}, {"confidence": 1.0, "text": ""}]}'
    (only,) = from_vosk(result)
    assert only.score == 2.5
    assert [sound.char for sound in only.sounds] == ["玉", "溪", "", "五"]


def test_a_name_is_written_in_the_fewest_words_the_model_has() -> None:
    vocabulary = Vocabulary({"红塔", "红", "塔", "山"}.__contains__)
    assert vocabulary.words("红塔山") == ("红塔", "山")


def test_a_missing_character_is_written_as_one_that_sounds_the_same() -> None:
    (word,) = Vocabulary(lambda word: word == "宣" or word == "从").words("苁", ("cong2",))
    assert word == "从"


def test_a_name_the_model_cannot_hear_is_an_error_and_not_silence() -> None:
    with pytest.raises(UnsayableError, match="红塔山"):
        Vocabulary(lambda word: False).words("红塔山")


def test_a_quantity_that_fits_nearly_as_well_is_asked_about() -> None:
    sound = Sound({"玉溪软六条": 100.0, "玉溪软九条": 99.8}, ("玉 溪 软 六 条", 70.0))
    (item,) = decided(sound).items
    assert (item.quantity, item.other_quantities) == (Quantity(12), (Quantity(18),))


def test_a_quantity_that_fits_clearly_worse_is_not_asked_about() -> None:
    (item,) = decided(Sound({"玉溪软六条": 100.0, "玉溪软九条": 88.0}, ("玉 溪 软 六 条", 70.0))).items
    assert (item.quantity, item.other_quantities) == (Quantity(12), ())


def test_of_two_quantities_that_fit_alike_the_one_ordered_before_is_taken() -> None:
    sound = Sound({"玉溪软六条": 100.0, "玉溪软九条": 101.0}, ("玉 溪 软 六 条", 70.0))
    barcode = CODES["玉溪(软)"]
    (item,) = decided(sound, Items((barcode,), (barcode,), history=(SpecHistory(barcode, (6.0, 6.0, 6.0)),))).items
    assert item.quantity == Quantity(12)


def test_two_quantities_said_one_after_the_other_are_asked_about() -> None:
    (item,) = decided(Sound({"玉溪软八条呃四条": 100.0}, ("玉 溪 软 八 条 呃 四 条", 70.0))).items
    assert (item.quantity, item.other_quantities) == (Quantity(16), (Quantity(8),))
