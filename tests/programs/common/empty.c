// Has nothing in it.
