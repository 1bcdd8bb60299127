"""`python -m socratic` is `socratic`."""

from socratic.cli import main

if __name__ == "__main__":
    main()
