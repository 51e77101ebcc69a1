"""Uploads that go on where they were cut off, on the same resources by tus 1.0.0 and by the IETF's resumable uploads.

tus_protocol, tus_headers, tus       tus: what holds for each of its requests, what they say, what is answered
draft_headers, draft                 the same of the IETF's
fields                               structured header fields
telling                              problems as each of the two tells them
creation                             what the IETF's begins at an answer's own address
resource                             /api/uploads/{id}: each request goes to the protocol that it speaks
"""

from routes.resumable.resource import router

# What a page of another origin may read of their answers.
EXPOSED = [
    *("Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Expires", "Upload-Checksum"),
    *("Upload-Complete", "Upload-Limit", "Upload-Draft-Interop-Version", "Repr-Digest", "Content-Digest"),
    *("Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"),
]

__all__ = ["EXPOSED", "router"]
