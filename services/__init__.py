"""The services of the platform and the compositions that run them."""
