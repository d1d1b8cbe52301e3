"""`mllog demo`: real flights through a real service, from the call to the page."""
