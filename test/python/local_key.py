"""A key that is a token: who it belongs to is written in it, so no server need exchange it."""

import base64
import json


def token_key() -> str:
    claims = {"iss": "passport-local", "sub": "me", "org_id": "org-1", "iat": 0, "exp": 4_000_000_000}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({"alg": "none"}, claims)]
    return ".".join([*(part.rstrip("=") for part in parts), "signature"])
