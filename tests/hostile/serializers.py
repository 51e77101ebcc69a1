"""How schemathesis sends the bodies of uploads, whose media types it does not know."""

import schemathesis

schemathesis.serializer.alias(
    ["application/offset+octet-stream", "application/partial-upload"], "application/octet-stream"
)
