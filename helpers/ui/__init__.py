"""What a reader sees and moves: figures, live pictures, widgets. They draw what the other rooms compute.

Loading any of them gives each widget that is displayed its still, for pages without a kernel.
"""

from helpers.ui import still

still.install()
