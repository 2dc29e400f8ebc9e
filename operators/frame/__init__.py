"""What the operators share: bases, forms, requests, streams of messages."""
