"""Components and controls that several pages share."""
