"""Results of what was tried, by name, a JSON object a line in the file that the driver named."""

import asyncio
import inspect
import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIMIT = 60.0
REFUSAL = "is not supported by this server"
# What some version of the SDK itself gets wrong, whatever the server does.
OWN_DEFECTS = {
    "client called from incorrect event loop": "this version uses a connection of another event loop",
}


class Report:
    def __init__(self, file: Path) -> None:
        self._file = file

    def attempt(self, group: str, name: str, act: Callable[[], Any]) -> bool:
        """Runs it; what it returns, if it is text, is what was seen."""
        try:
            note = act()
            state, note = "pass", note if isinstance(note, str) else ""
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the result
            state, note = judge(error)
            if state == "fail":
                traceback.print_exc()
        self.add(group, name, state, note)
        return state == "pass"

    def add(self, group: str, name: str, state: str, note: str) -> None:
        with self._file.open("a") as lines:
            lines.write(json.dumps({"group": group, "name": name, "state": state, "note": note}) + "\n")


def judge(error: Exception) -> tuple[str, str]:
    if REFUSAL in str(error):
        return "refused", refusal(error)
    own = next((reason for text, reason in OWN_DEFECTS.items() if text in str(error)), None)
    return ("cannot", own) if own else ("fail", sentence(error))


def settle(value: Any) -> Any:
    """The result of a call, whether the SDK gives it at once, as a future, or as a coroutine of either."""
    while True:
        if inspect.iscoroutine(value):
            value = asyncio.run(asyncio.wait_for(value, LIMIT))
        elif hasattr(type(value), "result"):
            value = value.result(timeout=LIMIT)
        else:
            return value


def refusal(error: Exception) -> str:
    """What the server does not have, in its own words."""
    text = str(error)
    body = getattr(error, "body", None)
    if isinstance(body, dict) and isinstance(body.get("detail"), str):
        text = body["detail"]
    return text.splitlines()[0][:200]


def sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:240]
