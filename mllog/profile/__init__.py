"""The profile of a model: learnt from the training frame, used everywhere else.

Loading and validating need the base install only; `Profile.learn` needs numpy and pandas.
"""

from __future__ import annotations

from mllog.profile._feature import Feature
from mllog.profile._profile import Profile

__all__ = ["Feature", "Profile"]
