"""What a study shows in the dashboard."""
