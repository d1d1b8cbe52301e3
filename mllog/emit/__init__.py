"""From a call to a line: what a model was asked and what it answered becomes one event."""
