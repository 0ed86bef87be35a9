"""Define the look of a made-up organisation."""

import re

COLOUR = "#0b3d91"


LOGO = re.compile(r'<img [^>]*src="(/brand/[a-z2-7]{26}\.png)" alt="([^"]*)"')


STYLE = re.compile(r'href="(/brand/[0-9a-f]{6}\.css\?v=[0-9a-f]{8})"')
