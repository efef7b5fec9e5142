"""A tool of an agent, protected by the PyPI package auth0-ai, unchanged: the first call interrupts, the next ones go
on when a person has answered.

Reads the environment: DOMAIN (host:port), CLIENT_ID, CLIENT_SECRET, USER_ID, and REQUESTS_CA_BUNDLE for TLS. Each line
on stdin calls the tool once. Writes one JSON object a line:
  {"event":"interrupted", "code", "auth_req_id"}   there is no answer yet
  {"event":"ran", "credentials"}                    the tool ran, with these
  {"event":"refused", "code"}                       it did not, and will not
"""

import asyncio
import json
import os
import sys

from auth0_ai.authorizers.async_authorization.async_authorizer_base import (
    AsyncAuthorizerBase,
    get_async_authorization_credentials,
)
from auth0_ai.interrupts.async_authorization_interrupts import (
    AuthorizationPendingInterrupt,
    AuthorizationPollingInterrupt,
)


def say(event, **rest):
    print(json.dumps({"event": event, **rest}), flush=True)


authorizer = AsyncAuthorizerBase(
    {
        "scopes": ["openid", "calendar.read"],
        "user_id": os.environ["USER_ID"],
        "binding_message": "Shall I look?",
        "requested_expiry": 300,
    },
    {
        "domain": os.environ["DOMAIN"],
        "client_id": os.environ["CLIENT_ID"],
        "client_secret": os.environ["CLIENT_SECRET"],
        "telemetry": False,
    },
)


async def look():
    say("ran", credentials=get_async_authorization_credentials())


tool = authorizer.protect(lambda: {"thread_id": "thread", "tool_call_id": "call", "tool_name": "look"}, look)


async def main():
    for _ in sys.stdin:
        try:
            await tool()
        except (AuthorizationPendingInterrupt, AuthorizationPollingInterrupt) as pending:
            say("interrupted", code=pending.code, auth_req_id=pending.request["id"])
        except Exception as error:
            say("refused", code=getattr(error, "code", type(error).__name__), why=str(error))


asyncio.run(main())
