"""`flask voice-pack`: build the line's own voice, check it for gaps, list it."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click
from flask.cli import with_appcontext
from tqdm import tqdm

from backoffice.command_context import reading
from callflows.prompts import load_prompts
from ivr.services import services
from ivr.voice.kokoro_files import VOICES, VoiceMissing, fetch_voice
from ivr.voice.pack import OWN, PackUnwritable, VoicePack
from ivr.voice.pack_building import build, missing
from ivr.voice.rendering import RenderingFailed, started_renderer
from ivr.voice.wanted_pieces import prompt_texts, prompts_with, wanted_pieces
from speech.sound.audio import LINE_RATE

DEFAULT_VOICE = "zf_xiaoxiao"


@click.group("voice-pack")
def voice_pack_command() -> None:
    """The sounds that the line's sentences are put together of, in the folder VOICE_PACK."""


@voice_pack_command.command("build")
@click.option("--voice", type=click.Choice(VOICES), default=DEFAULT_VOICE, show_default=True, help="Kokoro's voices.")
@click.option("--most", type=click.IntRange(1), help="Render so many pieces at most.")
@with_appcontext
def build_command(voice: str, most: int | None) -> None:
    """Render what the pack lacks: the pieces of every prompt, numbers, the names of the specs, of the hotlines and of
    the retailers. It may be stopped at any time; the next run goes on there. The voice is fetched first, if it is not
    there."""
    pack, wanted = _pack(), _wanted()
    lacking = dict(list(missing(pack, wanted, voice).items())[:most])
    if not lacking:
        click.echo(f"The pack in {pack.folder} has all {len(wanted)} pieces.")
        return

    def progress(pieces: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
        bar: Iterable[tuple[str, str]] = tqdm(pieces, total=len(lacking), desc=voice, unit="piece")
        return bar

    try:
        with started_renderer(fetch_voice(), voice) as renderer:
            built = build(pack, lacking, renderer, voice, progress)
    except (VoiceMissing, RenderingFailed, PackUnwritable) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{built.pieces} pieces rendered, {built.seconds:.0f} s of sound, in {pack.folder}.")
    if built.failed:
        click.echo(f"{len(built.failed)} could not be rendered: {'; '.join(built.failed[:10])}", err=True)
        sys.exit(1)


@voice_pack_command.command("check")
@with_appcontext
def check_command() -> None:
    """Say which pieces are missing, with the prompts that have gaps by that, and which sounds cannot be read. Ends with
    1 if there are any."""
    pack, wanted = _pack(), _wanted()
    lacking = missing(pack, wanted)
    for text in lacking:
        prompts = ", ".join(prompts_with(text, load_prompts()))
        click.echo(f"missing     {text}" + (f"  ({prompts})" if prompts else ""))
    unreadable = [text for text, piece in pack.pieces.items() if pack.sound(piece) is None]
    for text in unreadable:
        click.echo(f"unreadable  {text}")
    if lacking or unreadable:
        click.echo(
            f"{len(lacking)} of {len(wanted)} pieces are missing, {len(unreadable)} cannot be read: "
            "run `flask --app app voice-pack build`.",
            err=True,
        )
        sys.exit(1)
    click.echo(f"The pack in {pack.folder} can say everything: it has all {len(wanted)} pieces.")


@voice_pack_command.command("list")
@with_appcontext
def list_command() -> None:
    """List the sounds there are: the voice, or `own` for a recording of your own, the length, and the text."""
    pack = _pack()
    for piece in pack.pieces.values():
        sound = pack.sound(piece)
        length = "unreadable" if sound is None else f"{len(sound) / LINE_RATE:.1f} s"
        click.echo(f"{piece.voice:12}  {length:>10}  {piece.text}")
    own = sum(piece.source == OWN for piece in pack.pieces.values())
    click.echo(f"{len(pack.pieces)} sounds in {pack.folder}, {own} of them your own.", err=True)


def _pack() -> VoicePack:
    folder = services().settings.voice_pack
    if folder is None:
        raise click.ClickException("There is no voice pack: set VOICE_PACK to the folder it is to be in.")
    return VoicePack(folder, prompt_texts(load_prompts()))


def _wanted() -> dict[str, str]:
    with reading() as (session, _now):
        return wanted_pieces(session, services().catalog(session), load_prompts())
