"""What a reader sees and moves: figures, live pictures, widgets. They draw what the other rooms compute."""
