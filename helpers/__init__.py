"""What the course's notebooks share: data, drawing, widgets and scoring, but never the training itself."""
