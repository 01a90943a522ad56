"""The linker. Its version number stands here; packaging and every text that names it read it from here."""

VERSION = "0.1.0"
