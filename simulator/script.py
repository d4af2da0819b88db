"""Caller scripts as YAML files: what a caller says and keys, and what the line must say in return."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, get_args

import yaml

from simulator.account import CalledParty, Outcome, Verdict
from simulator.callees import ScriptedCallee
from simulator.carrier_habits import RECORDING_READY_MS, CallbackHabit, CarrierHabits
from simulator.live_call import Callee
from simulator.media_faults import MediaFault
from simulator.mulaw import read_ulaw

_KEYS = re.compile(r"[0-9*#]+")
_NUMBER = re.compile(r"\+[0-9]{6,15}")
WITHHELD = frozenset({"anonymous", "unavailable", "restricted", "unknown", ""})
"""What stands in the place of a caller's number that is withheld, beside placeholders such as +266696687."""


class ScriptError(Exception):
    """A script that cannot be played; the message names the file and the step."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A text that must be said, or a pattern, written between slashes, that must be found in what is said."""

    written: str

    def is_in(self, said: str) -> bool:
        """True if `said` contains it; blanks do not count."""
        if len(self.written) > 1 and self.written.startswith("/") and self.written.endswith("/"):
            return re.search(self.written[1:-1], said) is not None
        return "".join(self.written.split()) in "".join(said.split())


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """One step: first the caller's action, then what must be heard.

    `sound` is spoken and `keys` are pressed, both at a time where there are both, once the line has stopped speaking,
    or at once with `barge_in`. `key_every_ms` is the time from one key to the next. `within_ms`
    bounds, on the wall clock from the end of the caller's action, the wait for the line to begin its answer, or for the
    expected event if that is not speech.
    """

    number: int
    wait_ms: int = 0
    sound: bytes = b""
    words: str = ""
    keys: str = ""
    key_every_ms: int | None = None
    barge_in: bool = False
    expect: tuple[Expected, ...] = ()
    within_ms: int | None = None
    queued: bool = False
    line_hangs_up: bool = False
    hang_up: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A whole call from the caller's side, the parties that answer the line's own calls, what the carrier does to
    the frames of its media streams, and its other habits."""

    name: str
    why: str
    caller: str
    called: str
    steps: tuple[ScriptStep, ...]
    parties: Mapping[str, CalledParty] = field(default_factory=dict)
    media_faults: frozenset[MediaFault] = frozenset()
    habits: CarrierHabits = field(default_factory=CarrierHabits)


_HABITS = {field.name for field in fields_of(CarrierHabits)}
_SCRIPT_FIELDS = {"from", "to", "parties", "media_faults", "steps"} | _HABITS
_STEP_FIELDS = {
    "wait_ms",
    "say",
    "words",
    "keys",
    "key_every_ms",
    "barge_in",
    "expect",
    "within_ms",
    "queued",
    "line_hangs_up",
    "hang_up",
}


def read_script(path: Path) -> Script:
    """Read a caller script and the sound it plays. Raises ScriptError naming the file, the step and the mistake."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path} cannot be read: {error}") from error
    why = _opening_comment(text)
    if not why:
        raise ScriptError(f"{path} does not begin with a comment on why this call is there")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ScriptError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    try:
        fields = _mapping(content, "the script", _SCRIPT_FIELDS)
        steps = fields.get("steps")
        if not isinstance(steps, list) or not steps:
            raise ValueError("steps must be a list of at least one step")
        return Script(
            name=path.stem,
            why=why,
            caller=_phone_number(fields, "from", WITHHELD),
            called=_phone_number(fields, "to"),
            steps=tuple(_step(number, step, path.parent) for number, step in enumerate(steps, 1)),
            parties=_parties(fields.get("parties", {})),
            media_faults=_media_faults(fields.get("media_faults", [])),
            habits=_habits(fields),
        )
    except ValueError as error:
        raise ScriptError(f"{path}: {error}") from error


def _opening_comment(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    return " ".join(line for line in lines if line)


def _mapping(content: Any, what: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError(f"{what} must be a list of fields with values")
    unknown = sorted(str(name) for name in content if name not in known)
    if unknown:
        raise ValueError(f"{what} has {', '.join(unknown)}, which is not among {', '.join(sorted(known))}")
    return content


def _phone_number(fields: Mapping[str, Any], name: str, words: Collection[str] = ()) -> str:
    number = fields.get(name)
    if isinstance(number, str) and number.lower() in words:
        return number
    if not isinstance(number, str) or not _NUMBER.fullmatch(number):
        raise ValueError(f'{name} must be a telephone number in quotes, like "+8613800000012", not {number!r}')
    return number


def _media_faults(names: Any) -> frozenset[MediaFault]:
    return frozenset(_some_of(names, "media_faults", get_args(MediaFault)))


def _habits(fields: Mapping[str, Any]) -> CarrierHabits:
    refused = fields.get("requests_refused", 0)
    if isinstance(refused, bool) or not isinstance(refused, int) or refused < 0:
        raise ValueError(f"requests_refused must be a whole number, not {refused!r}")
    callbacks = _some_of(fields.get("status_callbacks", []), "status_callbacks", get_args(CallbackHabit))
    return CarrierHabits(
        names_finish_key=_flag(fields, "names_finish_key", usual=True),
        recordings_ready_after_ms=_milliseconds(fields, "recordings_ready_after_ms") or RECORDING_READY_MS,
        recordings_silent=_flag(fields, "recordings_silent"),
        status_callbacks=frozenset(callbacks),
        requests_refused=refused,
    )


def _some_of(names: Any, what: str, known: Collection[Any]) -> list[Any]:
    if not isinstance(names, list) or any(name not in known for name in names):
        raise ValueError(f"{what} must be a list of {', '.join(known)}, not {names!r}")
    return names


def _step(number: int, content: Any, folder: Path) -> ScriptStep:
    what = f"step {number}"
    fields = _mapping(content, what, _STEP_FIELDS)
    try:
        step = ScriptStep(
            number=number,
            wait_ms=_milliseconds(fields, "wait_ms") or 0,
            sound=_sound(fields, folder),
            words=_text(fields, "words"),
            keys=_text(fields, "keys"),
            key_every_ms=_milliseconds(fields, "key_every_ms"),
            barge_in=_flag(fields, "barge_in"),
            expect=_expected(fields.get("expect", [])),
            within_ms=_milliseconds(fields, "within_ms"),
            queued=_flag(fields, "queued"),
            line_hangs_up=_flag(fields, "line_hangs_up"),
            hang_up=_flag(fields, "hang_up"),
        )
        _check(step)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error
    return step


def _check(step: ScriptStep) -> None:
    if step.keys and not _KEYS.fullmatch(step.keys):
        raise ValueError(f"keys may hold 0-9, * and #, not {step.keys!r}")
    if step.key_every_ms is not None and not step.keys:
        raise ValueError("key_every_ms without keys")
    if step.barge_in and not (step.sound or step.keys):
        raise ValueError("barge_in without anything to say or key")
    if step.words and not step.sound:
        raise ValueError("words without say: they only tell the reader what the audio file says")
    waits = bool(step.expect) or step.queued or step.line_hangs_up
    if step.within_ms is not None and not waits:
        raise ValueError("within_ms without expect, queued or line_hangs_up")
    if not (step.wait_ms or step.sound or step.keys or waits or step.hang_up):
        raise ValueError("nothing happens in it")


def _sound(fields: Mapping[str, Any], folder: Path) -> bytes:
    if "say" not in fields:
        return b""
    name = fields["say"]
    if not isinstance(name, str) or not name.endswith(".ulaw"):
        raise ValueError(f"say must name a .ulaw file, not {name!r}")
    return read_ulaw(folder / name)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text in quotes, not {value!r}")
    if name in fields and not value:
        raise ValueError(f"{name} is empty")
    return value


def _flag(fields: Mapping[str, Any], name: str, *, usual: bool = False) -> bool:
    value = fields.get(name, usual)
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {value!r}")
    return value


def _milliseconds(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(f"{name} must be a whole number of milliseconds above 0, not {value!r}")
    return value


def _expected(value: Any) -> tuple[Expected, ...]:
    texts = value if isinstance(value, list) else [value]
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"expect must be a text or a list of texts, not {text!r}")
        if text.startswith("/") and text.endswith("/"):
            try:
                re.compile(text[1:-1])
            except re.error as error:
                raise ValueError(f"expect: the pattern {text} is not valid: {error}") from error
    return tuple(Expected(text) for text in texts)


def read_parties(path: Path) -> dict[str, CalledParty]:
    """The parties by number, from a YAML file like a script's `parties`. Raises ScriptError naming the mistake."""
    try:
        return _parties(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError) as error:
        raise ScriptError(f"{path}: {error}") from error


def _parties(content: Any) -> dict[str, CalledParty]:
    parties = {}
    for number, party in _mapping(content, "parties", set(content) if isinstance(content, dict) else set()).items():
        what = f"parties: {number}"
        fields = _mapping(party, what, {"outcome", "after_ms", "talks_ms", "answers", "verdict", "verdict_after_ms"})
        outcome: Outcome = fields.get("outcome", "")
        if outcome not in get_args(Outcome):
            raise ValueError(f"{what}: outcome must be one of {', '.join(get_args(Outcome))}, not {outcome!r}")
        verdict = fields.get("verdict")
        if verdict is not None and verdict not in get_args(Verdict):
            raise ValueError(f"{what}: verdict must be one of {', '.join(get_args(Verdict))}, not {verdict!r}")
        known = CalledParty()
        parties[str(number)] = CalledParty(
            outcome,
            _milliseconds(fields, "after_ms") or known.after_ms,
            _milliseconds(fields, "talks_ms") or known.talks_ms,
            _callee(what, fields["answers"]) if "answers" in fields else None,
            verdict,
            _milliseconds(fields, "verdict_after_ms"),
        )
    return parties


def _callee(what: str, answers: Any) -> Callable[[], Callee]:
    """A person who presses keys by what is said, from a list of {says, keys}."""
    pairs = []
    for answer in answers if isinstance(answers, list) else [answers]:
        fields = _mapping(answer, f"{what}: answers", {"says", "keys"})
        says, keys = _text(fields, "says"), _text(fields, "keys")
        if not says or not _KEYS.fullmatch(keys):
            raise ValueError(f"{what}: answers need says and keys, keys of 0-9, * and #, not {answer!r}")
        try:
            re.compile(says)
        except re.error as error:
            raise ValueError(f"{what}: the pattern {says} is not valid: {error}") from error
        pairs.append((says, keys))
    return functools.partial(ScriptedCallee, pairs)
