"""Pictures for people to look at: overlays, contact sheets, a page for the browser."""
