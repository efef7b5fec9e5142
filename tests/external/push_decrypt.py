"""Opens a web push message with `http_ece`, an implementation of RFC 8291 that is not ours.

Reads one JSON object on standard input, every value base64url:
  body         the request's body as the push service got it (content coding aes128gcm)
  private_key  the browser's P-256 key: the 32 bytes of its scalar
  auth         the browser's 16 byte secret
Writes the message as it was before encryption. Ends with 1 and a reason where it does not open.
"""

import base64
import json
import sys

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec


def decode(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def main() -> None:
    given = json.load(sys.stdin)
    scalar = int.from_bytes(decode(given["private_key"]), "big")
    try:
        message = http_ece.decrypt(
            decode(given["body"]),
            private_key=ec.derive_private_key(scalar, ec.SECP256R1()),
            auth_secret=decode(given["auth"]),
            version="aes128gcm",
        )
    except Exception as refused:  # the library raises its own and cryptography's
        sys.exit(f"the message does not open: {refused!r}")
    sys.stdout.buffer.write(message)


main()
