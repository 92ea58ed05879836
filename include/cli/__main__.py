"""Run the command line."""

from include.cli.app import main

if __name__ == "__main__":
    main()
