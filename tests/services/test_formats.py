import pytest

from services.formats import Container, sniff

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
    ],
)
def test_what_is_no_audio_is_nothing(head: bytes) -> None:
    assert sniff(head) is None
