"""Decodes recordings in confined processes, one each, since the bytes come from strangers.

AvDecoder (decoder.py, in the worker) keeps one ForkClient (nursery.py), a process
that has everything loaded (template.py) and forks a child for each recording.
The child has no files, no sockets but one, and little time (enter_sandbox.py), reads
the recording from its socket, decodes it (sound.py) and sends samples back
(wire.py). When the worker hangs up, the child is killed.

Decoding goes from the file to samples: joints.py parts what was joined,
reading.py goes through one container (demuxers.py) and finds its damage (ends.py,
webm.py, mp4.py), timeline.py puts silence where something is missing, mixing.py makes
one channel, as channels.py has chosen. The worker brings quiet ones to level
(level.py).
"""

from services.adapters.av_decoder.adapter import AvDecoder

__all__ = ["AvDecoder"]
