"""Decodes recordings in confined processes, one each, since the bytes come from strangers.

AvDecoder (adapter.py, in the worker) keeps one ForkClient (fork_client.py), a process
that has everything loaded (fork_server.py, warm_up.py) and forks a child for each recording.
The child has no files, no sockets but one, and little time (sandbox.py, seccomp.py). It has
the recording from its socket (source.py), decodes it (decode.py) and sends samples back;
what is said between both is protocol.py, the worker's side of it dialogue.py. When the
worker hangs up, the child is killed.

Decoding goes from the file to samples: joints.py parts what was joined,
reading.py goes through one container (demuxers.py, coders.py) and finds its damage (ends.py,
webm.py, mp4.py, fragments.py, sizes.py), timeline.py puts silence where something is missing, mixing.py makes
one channel, as channels.py has chosen, level.py brings quiet ones to level. planning.py is
what is found out of all of it before the first sample leaves. merging.py makes one file of
two sides. entering.py finds the bytes from which a recording can be heard in its middle.
"""

from services.adapters.av_decoder.adapter import AvDecoder

__all__ = ["AvDecoder"]
