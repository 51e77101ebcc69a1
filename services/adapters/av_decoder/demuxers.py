"""What ffmpeg calls our containers, and the codecs that are taken in each; nothing else is ever opened."""

from dataclasses import dataclass

from services.recordings.formats import Container

PCM = ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw")
PCM_OF_APPLE = (*PCM, "pcm_s8", "pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be", "adpcm_ima_qt")
MPEG_AUDIO = ("mp3", "mp3float", "mp2", "mp2float")
OPUS = ("opus", "libopus")
AMR = ("amrnb", "amrwb")


@dataclass(frozen=True, slots=True)
class Demuxer:
    """One of ffmpeg's; `is_timed` where packets have times of their own, and not only places in the file."""

    name: str
    codecs: tuple[str, ...]
    is_timed: bool = False

    @property
    def options(self) -> dict[str, str]:
        """No other demuxer or codec, and no way out of the bytes that are there."""
        return {
            "format_whitelist": self.name,
            "codec_whitelist": ",".join(self.codecs),
            "protocol_whitelist": "none",
        }


DEMUXERS = {
    Container.WEBM: Demuxer("matroska", (*OPUS, "vorbis", "flac", "aac", *MPEG_AUDIO, *PCM), is_timed=True),
    Container.OGG: Demuxer("ogg", (*OPUS, "vorbis", "flac", "speex"), is_timed=True),
    Container.WAV: Demuxer("wav", (*PCM, "adpcm_ms", "adpcm_ima_wav", "g722", "gsm_ms", *MPEG_AUDIO)),
    Container.MP3: Demuxer("mp3", MPEG_AUDIO),
    Container.MP4: Demuxer("mp4", ("aac", "alac", *OPUS, "flac", *AMR, *MPEG_AUDIO, *PCM_OF_APPLE), is_timed=True),
    Container.FLAC: Demuxer("flac", ("flac",), is_timed=True),
    Container.AAC: Demuxer("aac", ("aac",)),
    Container.AMR: Demuxer("amr", AMR),
    Container.CAF: Demuxer("caf", ("aac", "alac", *OPUS, "flac", *AMR, *MPEG_AUDIO, *PCM_OF_APPLE)),
    Container.AIFF: Demuxer("aiff", PCM_OF_APPLE),
    Container.AU: Demuxer("au", PCM_OF_APPLE),
    Container.W64: Demuxer("w64", PCM),
    Container.WMA: Demuxer("asf", ("wmav1", "wmav2"), is_timed=True),
}
