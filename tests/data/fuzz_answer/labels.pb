

__name__test

foobuzz