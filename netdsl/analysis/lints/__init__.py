"""What works and is probably not meant: warnings, each argued on its page."""
