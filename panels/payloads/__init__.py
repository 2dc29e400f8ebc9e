"""What each panel sends to the browser, and what it is sent."""
