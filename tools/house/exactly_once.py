"""Replays every used ticket at a gateway that was killed and started again."""

import pathlib
import tempfile

from builds import RELEASE
from children import ChildError, Children
from pair import Pair


def measure(replays: int, genuine: int) -> dict[str, int]:
    """Second establishments among `replays` used tickets, and refusals among `genuine` new ones.

    Half of the new ones come before the replays and half after, so that neither a lost bit nor one
    too many goes unseen.
    """
    with tempfile.TemporaryDirectory(prefix="resurge-once-") as name:
        folder = pathlib.Path(name)
        with Children(folder) as children:
            pair = Pair(folder, children, RELEASE.programs(), sessions=2 * (replays + genuine))
            pair.mint("used", replays)
            pair.mint("before", genuine // 2)
            pair.mint("after", genuine - genuine // 2)
            pair.start_gateway()
            first = pair.storm("used", "--no-echo")
            if first["resumed"] != replays:
                raise ChildError(f"only {first['resumed']} of {replays} resumed the first time")
            pair.kill_gateway()
            pair.start_gateway()
            resumed = pair.storm("before", "--no-echo")["resumed"]
            second = pair.storm("used", "--no-echo")["resumed"]
            resumed += pair.storm("after", "--no-echo")["resumed"]
            pair.stop_gateway()
    return {"second_establishments": second, "genuine_refused": genuine - resumed}
