"""Images in: reading, degrading, gathering patches, synthetic scenes."""
