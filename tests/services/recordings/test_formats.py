import json
import re
from pathlib import Path

import pytest

from scripts.openapi import TARGET
from services.adapters.av_decoder.demuxers import DEMUXERS
from services.adapters.av_decoder.warm_up import SAMPLED
from services.errors import NotAudio
from services.recordings.formats import FORMATS, Container, container_of, names, sniff
from tests import audio
from tests.hostile import corpus

ROOT = Path(__file__).parents[3]

HEADS = {
    b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81": Container.WEBM,
    b"OggS\x00\x02": Container.OGG,
    b"RIFF\x24\x00\x00\x00WAVEfmt ": Container.WAV,
    b"RF64\xff\xff\xff\xffWAVEds64": Container.WAV,
    b"ID3\x04\x00\x00\x00\x00\x00\x00": Container.MP3,
    b"\xff\xfb\x90\x64": Container.MP3,
    b"\xff\xf3\x40\xc0": Container.MP3,
    b"\x00\x00\x00\x20ftypM4A ": Container.MP4,
    b"\x00\x00\x00\x18ftypiso5": Container.MP4,
    b"fLaC\x00\x00\x00\x22": Container.FLAC,
    b"\xff\xfd\xe0\xc4": Container.MP3,
    b"\x00\x00\x00\x1cftyp3gp4": Container.MP4,
    b"\xff\xf1\x50\x40\x22\x1f\xfc": Container.AAC,
    b"\xff\xf9\x50\x40\x22\x1f\xfc": Container.AAC,
    b"#!AMR\n\x3c": Container.AMR,
    b"#!AMR-WB\n\x3c": Container.AMR,
    b"caff\x00\x01\x00\x00desc": Container.CAF,
    b"FORM\x00\x08\x13\x5eAIFFCOMM": Container.AIFF,
    b"FORM\x00\x08\x13\x5eAIFCFVER": Container.AIFF,
    b".snd\x00\x00\x00\x20": Container.AU,
    bytes.fromhex("726966662e91cf11a5d628db04c10000"): Container.W64,
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"): Container.WMA,
}


@pytest.mark.parametrize(("head", "container"), HEADS.items())
def test_containers_are_told_by_their_first_bytes(head: bytes, container: Container) -> None:
    assert sniff(head) is container


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"hello, I am audio",
        b"<!doctype html>",
        b"ffconcat version 1.0\nfile /etc/passwd",
        b"#EXTM3U\n#EXT-X-VERSION:3",
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1",
        b"<?xml version='1.0'?><MPD>",
        b"PK\x03\x04",
        b"RIFF\x24\x00\x00\x00AVI LIST",
        b"\xff\xff\xff\xff",
        b"\xff\xd8\xff\xe0",
        b"ID3",
        b"\xff\xf1\x50\x40",
        b"\xff\xf1\x74\x40\x22\x1f\xfc",
        b"\xff\xf1\x50\x40\x00\xdf\xfc",
        b"#!AMS\n",
        b"FORM\x00\x08\x13\x5eILBM",
    ],
)
def test_what_is_no_audio_is_nothing(head: bytes) -> None:
    assert sniff(head) is None


def test_each_container_is_told_by_one_rule() -> None:
    assert set(HEADS.values()) == set(Container) == FORMATS.keys()
    for head in HEADS:
        assert [container for container, format in FORMATS.items() if format.starts(head)] == [HEADS[head]]


def test_what_stands_behind_a_tag_is_told() -> None:
    tag = b"ID3\x04\0\0\0\0\1\x7f" + bytes(255)
    assert container_of(tag + audio.encoded("aac", 0.2)) is Container.AAC
    assert container_of(tag + tag + audio.encoded("flac", 0.2)) is Container.FLAC
    assert container_of(tag + bytes(100)) is Container.MP3
    assert container_of(b"ID3") is None


@pytest.mark.parametrize("container", Container)
def test_a_container_is_known_wherever_containers_are_listed(container: Container) -> None:
    assert DEMUXERS[container].codecs
    assert SAMPLED[container]
    assert audio.ENCODERS[container]
    assert any(sniff(head.ljust(64, b"\0")) is container for head in corpus.HEADS.values())
    endings = FORMATS[container].endings
    assert any(corpus.EXTENSIONS.get(ending) for ending in endings)
    subtype = FORMATS[container].media_type.removeprefix("audio/")
    assert _web("recorder/upload.js", r'^ +"?([\w-]+)"?: "(\w+)",$')[subtype] in endings
    offered = re.search(r'"(audio/\*,[^"]+)"', (ROOT / "web/demo/talk.js").read_text())
    assert offered is not None
    assert {f".{ending}" for ending in endings} <= set(offered[1].split(","))


def test_the_sentences_name_all_of_them() -> None:
    assert names().startswith("WebM, Ogg, ")
    assert NotAudio.sentence.endswith(f"Send {names()}.")
    assert f"The recording: {names()}." in json.dumps(json.loads(Path(TARGET).read_text()))


def test_the_documents_list_is_this_one() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| (audio/[^|]+) \| ([^|]+) \| [^|]+ \| ([\d.]+) \|$", _text("docs/recordings.md"), re.M
    )
    listed = [
        (format.name, format.media_type, ", ".join(format.endings), f"{format.bytes_a_second / 1000:g}")
        for format in FORMATS.values()
    ]
    assert rows == listed


def _text(path: str) -> str:
    return (ROOT / path).read_text()


def _web(path: str, pattern: str) -> dict[str, str]:
    return dict(re.findall(pattern, _text(f"web/{path}"), re.M))
