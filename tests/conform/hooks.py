"""What schemathesis.toml cannot say: a part of a resumable upload is sent as bytes are."""

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
