"""The Tune page: threshold controls, result card, charts, proposals, changed sessions."""
