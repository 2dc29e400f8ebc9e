"""What can be asked: options, their choices, defaults and checks. No torch, no FiftyOne."""
