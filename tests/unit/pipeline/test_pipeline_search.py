"""The quick search of conditions that are nothing but words."""

from __future__ import annotations

import pytest

from mllog.pipeline import load_text


@pytest.mark.parametrize("letter", "abcdefg-")
@pytest.mark.parametrize("pattern", ["x20[b-f]", "(?i)x20[b-f]", "(?:y|x20[b-f])"])
def test_a_range_of_letters_is_no_list_of_words(pattern: str, letter: str) -> None:
    """A class such as `[b-f]` holds what lies between, and not the hyphen."""
    config = f'filter {{ if [message] =~ /{pattern}/ {{ mutate {{ add_tag => ["found"] }} }} }}'
    (event,) = load_text(config).filter({"message": f"a x20{letter} b"})
    assert ("tags" in event) is (letter in "bcdef")
