"""What leaves the App: files, the HTML report, the summary."""
