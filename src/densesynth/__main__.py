"""`python -m densesynth`."""

from densesynth.cli import main

if __name__ == "__main__":
    main()
