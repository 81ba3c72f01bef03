"""What tests of widgets need to find their way in one."""


def by_label(box):
    """{description: widget} of all that a box holds."""
    named = {}
    for child in getattr(box, "children", ()):
        named |= by_label(child)
        if getattr(child, "description", ""):
            named[child.description] = child
    return named
