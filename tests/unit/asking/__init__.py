"""Questions to home servers."""
