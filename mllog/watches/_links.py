"""Where to look: the one place that writes the links of alerts."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from mllog.event._names import slug
from mllog.profile import Profile

MOMENT: Final = "{{ctx.trigger.scheduled_time}}"


def link_to(
    profile: Profile | None,
    *,
    page_url: str = "",
    kibana_url: str = "",
    window: str = "1d",
    query: str = "",
    panel: str = "",
) -> str:
    """The address of a model's dashboard, the window's end a template: in Kibana where that is given, else the page.

    Whatever else stands in the link is percent-encoded, so no name can add a parameter or a template.

    Args:
        profile: of the model; None leads to the overview.
        page_url: where `mllog serve` shows its page.
        kibana_url: where Kibana is; then the link leads there.
        window: how far before its end the window begins.
        query: narrows the events down, in the syntax of the query box.
        panel: id of a panel of the page.

    Example:
        >>> link_to(Profile("late", "1.0", ()), page_url="http://127.0.0.1:8650/")
        'http://127.0.0.1:8650/models/late?range=1d&to={{ctx.trigger.scheduled_time}}'
    """
    name = "" if profile is None else quote(slug(profile.name), safe="")
    if kibana_url:
        root = f"{kibana_url.rstrip('/')}/app/"
        place = f"dashboards#/view/mllog-{name}" if name else "discover#/"
        search = f"&_a=(query:(language:lucene,query:{_rison(query)}))" if query else ""
        return f"{root}{place}?_g=(time:(from:'{MOMENT}||-{window}',to:'{MOMENT}')){search}"
    place = f"/models/{name}" if name else "/"
    search = f"&q={quote(query, safe='')}" if query else ""
    anchor = f"#{quote(panel, safe='')}" if panel else ""
    return f"{page_url.rstrip('/')}{place}?range={window}&to={MOMENT}{search}{anchor}"


def _rison(text: str) -> str:
    """A string in the notation of Kibana's links, percent-encoded."""
    escaped = re.sub(r"(['!])", r"!\1", text)
    return "'" + quote(escaped, safe="!*") + "'"
