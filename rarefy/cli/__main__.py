"""``python -m rarefy.cli``: the command line where the script is not on the path."""

from rarefy.cli import main

if __name__ == "__main__":
    main()
