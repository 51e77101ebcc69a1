"""Decodes recordings in confined processes, one each, since the bytes come from strangers.

AvDecoder (decoder.py, in the worker) keeps one Nursery (nursery.py), a process
that has everything loaded (template.py) and forks a child for each recording.
The child has no files, no sockets but one, and little time (confine.py), reads
the recording from its socket, decodes it (sound.py) and sends samples back
(wire.py). When the worker hangs up, the child is killed.
"""

from services.adapters.av_decoder.decoder import AvDecoder

__all__ = ["AvDecoder"]
