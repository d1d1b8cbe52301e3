"""The profile of a model: learnt from the training frame; validation, dashboards and watches follow from it.

Loading and validating need only the base install; `Profile.learn` needs numpy and pandas.
"""

from __future__ import annotations

from mllog.profile._feature import Feature
from mllog.profile._profile import Profile

__all__ = ["Feature", "Profile"]
