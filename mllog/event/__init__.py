"""What an event is: its fields, ids and timestamps, plain values, names, and what was found in them."""
