"""What the App shows and what the user has picked in it."""
